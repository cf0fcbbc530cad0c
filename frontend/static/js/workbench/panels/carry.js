/** The strip that shows how far a carried mask is and what is to be done with it; and its masks over the picture. */

import { byId } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */

/**
 * @param {Bench} bench
 * @param {import("../stage.js").Stage} stage
 */
export function bindCarry(bench, stage) {
  const { carrying } = bench;
  const buttons = {
    apply: /** @type {HTMLButtonElement} */ (byId("carry-apply")),
    discard: /** @type {HTMLButtonElement} */ (byId("carry-discard")),
    cancel: /** @type {HTMLButtonElement} */ (byId("carry-cancel")),
    next: /** @type {HTMLButtonElement} */ (byId("carry-next")),
  };
  const draw = () => {
    const { row } = carrying;
    byId("carry-strip").hidden = row === null;
    if (row) byId("carry-text").textContent = describe(bench);
    buttons.cancel.hidden = !carrying.isRunning;
    for (const name of /** @type {const} */ (["apply", "discard"])) buttons[name].hidden = carrying.isRunning;
    buttons.next.hidden = carrying.changed.size === 0;
    stage.redraw();
  };
  bench.on("carrying", draw);
  buttons.apply.addEventListener("click", () => carrying.apply());
  buttons.discard.addEventListener("click", () => carrying.discard());
  buttons.cancel.addEventListener("click", () => carrying.cancel());
  buttons.next.addEventListener("click", () => {
    if (!carrying.goToChange(1)) bench.player.go(Math.min(...carrying.changed.keys()));
  });
  bindButtons(bench);
  stage.addPainter((g) => paint(bench, stage, g));
}

/** @param {Bench} bench */
function bindButtons(bench) {
  const frames = /** @type {HTMLSelectElement} */ (byId("carry-frames"));
  const wanted = () => ({ frames: frames.value ? Number(frames.value) : null });
  byId("carry-on").addEventListener("click", () => bench.carrying.start(1, wanted()));
  byId("carry-back").addEventListener("click", () => bench.carrying.start(-1, wanted()));
  byId("interpolate").addEventListener("click", () => bench.carrying.start(1, { engine: "interpolation" }));
  const draw = () => {
    for (const id of ["carry-on", "carry-back", "interpolate"]) {
      byId(id).toggleAttribute("disabled", !bench.track || Boolean(bench.readOnly));
    }
  };
  bench.on("selection readonly", draw);
  draw();
}

/** @param {Bench} bench */
function describe({ carrying, work }) {
  const { row, changed, arrived } = carrying;
  if (!row) return "";
  const name = `Object ${work.get("tracks", row.track)?.number ?? "?"}`;
  if (row.state === "queued" && row.reason) return `${name}: ${row.reason}`;
  if (carrying.isRunning) {
    return `${name}: ${row.frames_done} of ${row.frames_total} frames carried from frame ${row.frame} (${row.engine}).`;
  }
  const came = `${name}: ${arrived.size} frames came${row.state === "cancelled" ? " before it was stopped" : ""}.`;
  if (!changed.size) return `${came} None of them changes a mask that is there.`;
  const mean = [...changed.values()].reduce((sum, iou) => sum + iou, 0) / changed.size;
  return `${came} ${changed.size} would change a mask that is there, by IoU ${mean.toFixed(2)} on average: J goes from one to the next.`;
}

/**
 * What came, dashed; what stands is drawn as ever.
 *
 * @param {Bench} bench
 * @param {import("../stage.js").Stage} stage
 * @param {CanvasRenderingContext2D} g
 */
function paint(bench, stage, g) {
  const { row, arrived } = bench.carrying;
  const counts = row && arrived.get(bench.frame)?.counts;
  if (!row || !counts) return;
  const raster = bench.tileOf({ counts });
  stage.outline(g, stage.overlay.pathOf(raster), "rgb(0 0 0 / 55%)", 3);
  stage.outline(g, stage.overlay.pathOf(raster), "#fff", 1.5, [3, 3]);
}
