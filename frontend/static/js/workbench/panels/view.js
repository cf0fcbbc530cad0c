/** How the picture is shown: brightness, contrast, a machine layer over it, and the pace at which it plays. */

import { byId, el } from "../dom.js";
import { LayerPictures } from "../layer_pictures.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../stage.js").Stage} Stage */

const SPEEDS = [0.25, 0.5, 1, 2];
const STEP = 0.1;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/**
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {import("../../models/keys.js").KeyTable} keys
 */
export function bindView(bench, stage, keys) {
  const toggle = bindPanel();
  const grade = bindGrade(stage);
  const cycle = bindLayers(bench, stage);
  const pace = bindSpeed(bench);
  const add = (/** @type {[string, string, string[], () => void][]} */ rows) => {
    for (const [id, title, bound, run] of rows) keys.add({ id, title, group: "Picture", keys: bound, run });
  };
  add([
    ["view", "Brightness, contrast and layers", ["Alt+v"], toggle],
    ["layer", "Next layer over the picture", ["Alt+l"], () => bench.say(cycle())],
    ["brighter", "Brighter", ["Alt+ArrowUp"], () => grade({ brightness: stage.grade.brightness + STEP })],
    ["darker", "Darker", ["Alt+ArrowDown"], () => grade({ brightness: stage.grade.brightness - STEP })],
    ["contrast-up", "More contrast", ["Alt+Shift+ArrowUp"], () => grade({ contrast: stage.grade.contrast + STEP })],
    ["contrast-down", "Less contrast", ["Alt+Shift+ArrowDown"], () => grade({ contrast: stage.grade.contrast - STEP })],
    ["grade-reset", "Picture as it is", ["Alt+r"], () => grade({ brightness: 1, contrast: 1 })],
    ["slower", "Play slower", ["<"], () => pace(-1)],
    ["faster", "Play faster", [">"], () => pace(1)],
  ]);
}

function bindPanel() {
  const panel = byId("view-panel");
  const button = byId("view-open");
  const show = (/** @type {boolean} */ shown) => {
    panel.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
    if (shown) field("brightness").focus();
    else if (panel.contains(document.activeElement)) button.focus();
  };
  const toggle = () => show(Boolean(panel.hidden));
  button.addEventListener("click", toggle);
  byId("view-close").addEventListener("click", () => show(false));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    show(false);
  });
  return toggle;
}

/** @param {Stage} stage */
function bindGrade(stage) {
  const show = () => {
    for (const name of /** @type {("brightness" | "contrast")[]} */ (["brightness", "contrast"])) {
      field(name).value = String(stage.grade[name]);
      byId(`${name}-value`).textContent = `${Math.round(stage.grade[name] * 100)} %`;
    }
    const reset = /** @type {HTMLButtonElement} */ (byId("grade-reset"));
    reset.disabled = stage.grade.neutral;
    byId("view-open").classList.toggle("changed", !stage.grade.neutral);
  };
  const set = (/** @type {{brightness?: number, contrast?: number}} */ values) => {
    stage.grade.set(values);
    show();
    stage.redraw();
  };
  field("brightness").addEventListener("input", () => set({ brightness: Number(field("brightness").value) }));
  field("contrast").addEventListener("input", () => set({ contrast: Number(field("contrast").value) }));
  byId("grade-reset").addEventListener("click", () => set({ brightness: 1, contrast: 1 }));
  show();
  return set;
}

/** @param {Bench} bench @param {Stage} stage */
function bindLayers(bench, stage) {
  const pictures = new LayerPictures(bench.clip.id);
  const list = byId("layer-choices");
  const opacity = field("layer-opacity");
  const show = () => {
    list.replaceChildren(
      ...[{ name: "", title: "None", ready: true, why: "" }, ...pictures.choices].map((choice) => {
        const input = el("input", {
          type: "radio",
          name: "layer",
          value: choice.name,
          checked: choice.name === pictures.name,
          disabled: !choice.ready,
          onchange: () => pictures.choose(choice.name),
        });
        return el("label", {}, input, choice.title, el("span", { class: "quiet" }, choice.why));
      }),
    );
  };
  const refresh = () => pictures.want(bench.frame, bench.player.direction);
  pictures.on("choices", show);
  pictures.on("chosen", () => {
    show();
    opacity.disabled = !pictures.name;
    stage.element.dataset.layer = pictures.name;
    refresh();
    stage.redraw();
  });
  pictures.on("loaded", (frame) => frame === bench.frame && stage.redraw());
  bench.on("frame", refresh);
  opacity.addEventListener("input", () => {
    pictures.opacity = Number(opacity.value);
    byId("layer-opacity-value").textContent = `${Math.round(pictures.opacity * 100)} %`;
    stage.redraw();
  });
  stage.layerPictures = pictures;
  pictures.load().catch(() => show());
  return () => {
    if (!pictures.choices.some(({ ready }) => ready)) return "No layer of this clip can be laid over the picture yet.";
    const title = pictures.cycle();
    return title ? `${title} over the picture.` : "No layer over the picture.";
  };
}

/** @param {Bench} bench */
function bindSpeed(bench) {
  const { player } = bench;
  const choice = /** @type {HTMLSelectElement} */ (byId("speed"));
  choice.addEventListener("change", () => {
    player.setSpeed(Number(choice.value));
    byId("ornaments").focus();
  });
  player.on("speed", () => (choice.value = String(player.speed)));
  return (/** @type {1 | -1} */ way) => {
    const at = SPEEDS.indexOf(player.speed) + way;
    player.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))]);
  };
}
