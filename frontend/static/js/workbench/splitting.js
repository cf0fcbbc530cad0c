/** One object into several, on this frame. */

import { newId } from "../models/identity.js";
import { chosenParts, partsOf } from "../models/morphology.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Mask} Mask */
/** @typedef {import("../models/work.js").Edit} Edit */
/** @typedef {import("../models/raster.js").Raster} Raster */

/**
 * The first piece stays what it was, each other becomes a new object of the same label.
 *
 * @param {Bench} bench
 * @param {Mask} mask
 * @param {Raster[]} pieces largest first
 * @param {string} verb for the undo button
 */
export function splitOff(bench, mask, pieces, verb) {
  const track = bench.work.get("tracks", mask.track);
  if (bench.shown.isLocked(track.id)) {
    bench.say(`Object ${track.number} is locked; unlock it in the list to change it.`, "warning");
    return;
  }
  const method = mask.method === "manual" ? "manual" : "assisted";
  const common = { ...mask, keyframe: true, method, edit_iou: undefined, edit_boundary: undefined };
  /** @type {Edit[]} */
  const edits = [{ kind: "masks", id: mask.id, before: mask, after: { ...common, counts: pieces[0].counts } }];
  const numbers = pieces.slice(1).map((piece, i) => {
    const made = { ...track, id: newId(), number: bench.work.nextNumber + i };
    const counts = piece.counts;
    const after = { ...common, id: newId(), track: made.id, counts, amodal: "", proposal: null };
    edits.push({ kind: "tracks", id: made.id, before: null, after: made });
    edits.push({ kind: "masks", id: after.id, before: null, after });
    return made.number;
  });
  if (!bench.commit(`${verb} object ${track.number}, frame ${mask.frame}`, edits)) return;
  const others = numbers.length === 1 ? `object ${numbers[0]}` : `objects ${numbers.join(", ")}`;
  bench.say(`Object ${track.number} is split on this frame; what came off is ${others}.`);
}

/** Each part that touches no other becomes an object. @param {Bench} bench */
export function splitIntoParts(bench) {
  const mask = bench.track && bench.work.maskOf(bench.track.id, bench.frame);
  if (!mask || mask.counts === null) {
    bench.say("Select an object with a mask on this frame first.");
    return;
  }
  if (!bench.mayWrite(bench.frame)) return;
  const raster = bench.rasterOf(mask);
  const parts = partsOf(raster);
  const least = bench.settings.get("speck");
  const order = parts.areas
    .map((area, label) => ({ area, label }))
    .filter(({ area, label }) => label > 0 && area >= least)
    .sort((a, b) => b.area - a.area);
  if (order.length < 2) {
    const specks = parts.areas.length > 2 ? `; the others have fewer than ${least} px` : "";
    bench.say(`Object ${bench.track?.number} is of one part on this frame${specks}.`);
    return;
  }
  // Specks are nobody's object: they stay where they are.
  const own = new Set(order.slice(1).map(({ label }) => label));
  const pieces = [chosenParts(raster, parts, (label) => !own.has(label))];
  for (const { label } of order.slice(1)) pieces.push(chosenParts(raster, parts, (each) => each === label));
  splitOff(bench, mask, pieces, "Split");
}
