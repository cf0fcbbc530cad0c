/** The labels that an object can have. */

import { byId, el, swatch } from "../dom.js";
import { keyOf } from "../shortcuts.js";

/** @param {import("../bench.js").Bench} bench */
export function bindLabels(bench) {
  const list = byId("labels");
  const draw = () => {
    const current = bench.track?.label ?? bench.proposal?.label ?? bench.label;
    list.replaceChildren(
      ...bench.labels.map((/** @type {any} */ label, /** @type {number} */ i) =>
        el(
          "button",
          {
            type: "button",
            class: "label",
            "aria-pressed": String(label.key === current),
            title: label.definition,
            onclick: () => bench.setLabel(label.key),
          },
          swatch(label.colour),
          el("span", { class: "grow" }, label.key),
          i < 9 && el("kbd", { "data-key-of": `label-${i + 1}` }, keyOf(`label-${i + 1}`)),
        ),
      ),
    );
  };
  bench.on("label selection proposals", draw);
  draw();
}
