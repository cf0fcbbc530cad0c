/** The commands on masks and how the tools draw, with their keys. */

import { copyFromPrevious, copyMask, pasteMask } from "./mask_copies.js";
import { fillHoles, removeSpecks, resizeMask } from "./mask_shapes.js";
import { mergeObjects } from "./merging.js";
import { splitIntoParts } from "./splitting.js";
import { nextWithoutWhole } from "./whole.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {[string, string, string[], () => void]} Row */

/**
 * @param {Bench} bench
 * @param {import("./stage_input.js").StageInput} input
 * @returns {Row[]}
 */
export function maskRows(bench, input) {
  return [
    ["fill-holes", "Fill holes", ["Shift+g"], () => fillHoles(bench)],
    ["remove-specks", "Remove specks", ["Shift+r"], () => removeSpecks(bench)],
    ["grow", "Grow by a pixel", ["}"], () => resizeMask(bench, 1)],
    ["shrink", "Shrink by a pixel", ["{"], () => resizeMask(bench, -1)],
    ["split-parts", "Split into its parts", ["Shift+a"], () => splitIntoParts(bench)],
    ["merge", "Merge objects", ["Shift+n"], () => mergeObjects(bench, input)],
    ["copy-previous", "Copy from the frame before", ["Shift+v"], () => copyFromPrevious(bench)],
    ["copy", "Copy the mask", ["Mod+c"], () => copyMask(bench)],
    ["paste", "Paste the mask on this frame", ["Mod+v"], () => pasteMask(bench, 0)],
    [
      "paste-ahead",
      "Paste the mask on the next frames",
      ["Mod+Shift+v"],
      () => pasteMask(bench, bench.settings.get("ahead")),
    ],
  ];
}

/** @param {Bench} bench @returns {Row[]} */
export function drawingRows(bench) {
  const { settings } = bench;
  const flip = (/** @type {"pressure" | "takes"} */ name) => () => {
    settings.set(name, !settings.get(name));
    const on = settings.get(name) ? "on" : "off";
    bench.say(name === "takes" ? `Foreground takes pixels: ${on}.` : `A pen's pressure scales the tip: ${on}.`);
  };
  /** @type {Row[]} */
  const rows = [
    [
      "tip",
      "Round or square tip",
      ["Shift+b"],
      () => settings.set("tip", settings.get("tip") === "round" ? "square" : "round"),
    ],
    ["pressure", "A pen's pressure scales the tip", ["Shift+e"], flip("pressure")],
    ["takes", "Foreground takes pixels", ["Shift+x"], flip("takes")],
  ];
  if (bench.task.amodal) {
    rows.push(
      ["whole", "Draw what is seen, or the whole object", ["w"], () => bench.drawWhole(!bench.whole)],
      ["next-whole", "Next mask without its whole object", ["Shift+w"], () => nextWithoutWhole(bench)],
    );
  }
  return rows;
}
