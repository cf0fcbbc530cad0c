/** The bar over the picture: how the tools draw, and what can be done to the selected mask. */

import { byId, el, icon } from "./dom.js";
import { wholesOn } from "./whole.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/keys.js").KeyTable} KeyTable */

// Command and icon, in the order in which hands meet them; null is a gap.
const ON_MASK = [
  ["fill-holes", "paint-bucket"],
  ["remove-specks", "brush-cleaning"],
  ["grow", "circle-plus"],
  ["shrink", "circle-minus"],
  null,
  ["split-parts", "ungroup"],
  ["merge", "merge"],
  null,
  ["copy-previous", "arrow-left-to-line"],
  ["copy", "copy"],
  ["paste", "clipboard-paste"],
  ["paste-ahead", "copy-plus"],
];

/**
 * @param {Bench} bench
 * @param {KeyTable} keys
 */
export function bindToolBar(bench, keys) {
  const bar = byId("tool-bar");
  const button = (/** @type {string} */ command, /** @type {string} */ iconName, /** @type {string} */ words = "") =>
    el(
      "button",
      {
        type: "button",
        class: words ? "button" : "icon-button",
        "data-command": command,
        "aria-label": keys.get(command)?.title,
        onclick: (/** @type {any} */ event) => keys.get(command)?.run(event),
      },
      icon(iconName),
      words && el("span", { class: words.trim() ? "words" : "number" }, words),
    );
  const gap = () => el("span", { class: "gap", "aria-hidden": "true" });
  const tips = /** @type {["round" | "square", string, HTMLButtonElement][]} */ (
    [
      ["round", "circle"],
      ["square", "square"],
    ].map(([tip, name]) => [tip, name, button("tip", name)])
  );
  for (const [tip, , each] of tips) {
    each.setAttribute("aria-label", tip === "round" ? "Round tip" : "Square tip");
    each.onclick = () => bench.settings.set("tip", tip);
  }
  const pressure = button("pressure", "pen-line");
  const takes = button("takes", "layers-2", "Foreground takes pixels");
  const whole = bench.task.amodal ? button("whole", "circle-dashed", "Whole object") : null;
  const count = bench.task.amodal ? button("next-whole", "circle-dot-dashed", " ") : null;
  const onMask = ON_MASK.flatMap((each) => {
    if (!each) return [gap()];
    const [command, iconName] = each;
    const field = { "remove-specks": "speck", "paste-ahead": "ahead" }[command];
    return [button(command, iconName), ...(field ? [number(bench, /** @type {any} */ (field))] : [])];
  });
  bar.append(
    ...tips.map(([, , each]) => each),
    pressure,
    gap(),
    takes,
    ...(whole && count ? [whole, count] : []),
    gap(),
    ...onMask,
  );
  const show = () => {
    for (const [tip, , each] of tips) each.setAttribute("aria-pressed", String(bench.settings.get("tip") === tip));
    pressure.setAttribute("aria-pressed", String(bench.settings.get("pressure")));
    takes.setAttribute("aria-pressed", String(bench.settings.get("takes")));
    whole?.setAttribute("aria-pressed", String(bench.whole));
    const { done, all } = wholesOn(bench, bench.frame);
    const words = count?.querySelector("span");
    if (words) words.textContent = `${done} of ${all}`;
  };
  bench.settings.on("change", show);
  bench.on("tools work frame", show);
  show();
}

/** @type {Record<"speck" | "ahead", {title: string, unit: string, most: number}>} */
const NUMBERS = {
  speck: { title: "Specks are smaller than", unit: "px", most: 100000 },
  ahead: { title: "Paste ahead on", unit: "fr", most: 1000 },
};

/**
 * @param {Bench} bench
 * @param {"speck" | "ahead"} name
 */
function number(bench, name) {
  const { title, unit, most } = NUMBERS[name];
  const input = el("input", {
    type: "number",
    min: 1,
    max: most,
    value: bench.settings.get(name),
    "aria-label": title,
  });
  input.addEventListener("change", () => {
    const value = Math.min(most, Math.max(1, Math.round(Number(input.value)) || 1));
    input.value = String(value);
    bench.settings.set(name, value);
  });
  return el(
    "label",
    { class: "bar-number", title: `${title} so many ${unit === "px" ? "pixels" : "frames"}` },
    input,
    unit,
  );
}
