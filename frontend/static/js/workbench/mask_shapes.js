/** Holes, specks, growing and shrinking of the selected mask: one step of undo each. */

import { grown, shrunk, withoutHoles, withoutSpecks } from "../models/morphology.js";
import { Stroke } from "./stroke.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/raster.js").Raster} Raster */
/**
 * Pressed again, growing goes on from the mask that it began with, so that a disc stays one.
 *
 * @typedef {{track: string, frame: number, way: number, by: number, origin: Raster, counts: string | null}} Run
 */

/** @type {WeakMap<Bench, Run>} */
const runs = new WeakMap();

/** @param {Bench} bench */
export function fillHoles(bench) {
  reshape(bench, "Fill holes in", "There are no holes in this mask.", withoutHoles);
}

/** @param {Bench} bench */
export function removeSpecks(bench) {
  const least = bench.settings.get("speck");
  const none = `There is no speck of less than ${least} px on this mask.`;
  reshape(bench, "Remove specks from", none, (raster) => withoutSpecks(raster, least));
}

/**
 * @param {Bench} bench
 * @param {1 | -1} way larger or smaller
 */
export function resizeMask(bench, way) {
  const verb = way === 1 ? "Grow" : "Shrink";
  const last = runs.get(bench);
  const goesOn =
    last &&
    last.way === way &&
    last.track === bench.track?.id &&
    last.frame === bench.frame &&
    last.counts === now(bench);
  /** @type {Raster | null} */
  let origin = goesOn ? last.origin : null;
  const by = goesOn ? last.by + 1 : 1;
  const done = reshape(bench, verb, `This mask can't ${verb.toLowerCase()} any further.`, (raster) => {
    origin ??= raster.copy();
    return way === 1 ? grown(origin, by) : shrunk(origin, by);
  });
  if (done && bench.track && origin) {
    runs.set(bench, { track: bench.track.id, frame: bench.frame, way, by, origin, counts: now(bench) });
  }
}

/** @param {Bench} bench */
function now(bench) {
  const mask = bench.track && bench.work.maskOf(bench.track.id, bench.frame);
  return (bench.whole ? mask?.amodal : mask?.counts) ?? null;
}

/**
 * @param {Bench} bench
 * @param {string} verb for the undo button
 * @param {string} unchanged what to say where nothing changes
 * @param {(raster: Raster) => Raster} change
 */
function reshape(bench, verb, unchanged, change) {
  if (!bench.track && bench.proposal?.kind !== "mask_track") {
    bench.say("Select an object with a mask on this frame first.");
    return false;
  }
  // Begun as an eraser begins: where there is no mask, that is said.
  const stroke = Stroke.begin(bench, 0);
  if (!stroke) return false;
  stroke.replace(change(stroke.raster));
  const done = stroke.finish(verb);
  if (!done) bench.say(unchanged);
  return done;
}
