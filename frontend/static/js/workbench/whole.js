/** The whole of each object, hidden parts included, where the project asks for it: drawn dotted, counted, found. */

import { lineColour } from "../models/colour.js";

const DOTTED = [1.5, 4]; // screen px

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Mask} Mask */

/**
 * @param {Bench} bench
 * @param {number} frame
 * @returns {{done: number, all: number}} masks with their whole object, and masks
 */
export function wholesOn(bench, frame) {
  const masks = bench.work.masksOn(frame);
  return { done: masks.filter((mask) => mask.amodal).length, all: masks.length };
}

/** @param {Bench} bench @returns {Mask | undefined} the next one on the task's frames, this frame first */
function nextMissing(bench) {
  const { task, work, frame } = bench;
  const frames = task.frames.length ? task.frames : [frame];
  const ahead = [frame, ...frames.filter((/** @type {number} */ n) => n > frame)];
  const order = [...ahead, ...frames.filter((/** @type {number} */ n) => n < frame)];
  for (const each of order) {
    const missing = work.masksOn(each).filter((mask) => !mask.amodal);
    if (missing.length) return missing.find((mask) => mask.track !== bench.track?.id) ?? missing[0];
  }
  return undefined;
}

/** @param {Bench} bench */
export function nextWithoutWhole(bench) {
  const mask = nextMissing(bench);
  if (!mask) {
    bench.say("Every mask on the task's frames has its whole object.");
    return;
  }
  bench.select("tracks", mask.track);
  if (mask.frame !== bench.frame) bench.player.go(mask.frame);
}

/**
 * @param {Bench} bench
 * @param {import("./stage.js").Stage} stage
 */
export function bindWhole(bench, stage) {
  if (!bench.task.amodal) return;
  bench.on("tools", () => stage.recompose());
  stage.addPainter((g) => {
    if (!stage.masksShown) return;
    for (const mask of bench.work.masksOn(bench.frame)) {
      const raster = bench.shown.isHidden(mask.track) ? null : wholeOf(bench, mask);
      if (raster) draw(g, stage, mask, stage.overlay.pathOf(raster));
    }
  });
}

/**
 * @param {Bench} bench
 * @param {Mask} mask
 */
function wholeOf(bench, mask) {
  if (bench.whole && bench.live?.track === mask.track) return bench.live.raster;
  return mask.amodal ? bench.tileOf({ counts: mask.amodal }) : null;
}

/**
 * @param {CanvasRenderingContext2D} g
 * @param {import("./stage.js").Stage} stage
 * @param {Mask} mask
 * @param {Path2D} path
 */
function draw(g, stage, mask, path) {
  const { bench } = stage;
  const colour = lineColour(bench.colourOf(bench.work.get("tracks", mask.track).label));
  const selected = mask.track === bench.track?.id;
  if (bench.whole && selected) {
    g.globalAlpha = 0.18;
    g.fillStyle = colour;
    g.fill(path, "evenodd");
    g.globalAlpha = 1;
  }
  stage.outline(g, path, "rgb(0 0 0 / 55%)", selected ? 3 : 2.5, DOTTED);
  stage.outline(g, path, colour, selected ? 2.25 : 1.5, DOTTED);
}
