/** A mask cut along a line. */

import { partsOf } from "./morphology.js";
import { Raster } from "./raster.js";

/** @typedef {import("./raster.js").Point} Point */

// Every pixel that the line passes through, so that no two sides touch at a corner across it.
const BLADE = Math.SQRT2;

/**
 * Only parts that the line goes through are cut, and only where it goes through from edge to edge.
 *
 * @param {Raster} raster
 * @param {Point[]} line
 * @returns {Raster[]} the pieces, largest first, together the mask; parts that the line does not touch stay with the
 *   largest. One piece: nothing was cut through.
 */
export function cutAlong(raster, line) {
  const blade = new Raster(raster.width, raster.height);
  blade.chain(line, BLADE, 1);
  const cut = raster.copy();
  cut.chain(line, BLADE, 0);
  const before = partsOf(raster);
  const after = partsOf(cut);
  const { box } = before;
  const labels = new Int32Array(before.labels.length);
  spread(labels, (x, y) => at(after, box.x + x, box.y + y), before);
  // A part stays whole unless several pieces came out of it.
  /** @type {Map<number, Set<number>>} */
  const pieces = new Map();
  for (let i = 0; i < labels.length; i += 1) {
    if (!before.labels[i]) continue;
    pieces.set(before.labels[i], (pieces.get(before.labels[i]) ?? new Set()).add(labels[i]));
  }
  const separate = [...pieces.values()].filter((found) => found.size > 1).flatMap((found) => [...found]);
  separate.sort((a, b) => (after.areas[b] ?? 0) - (after.areas[a] ?? 0));
  if (separate.length < 2) return [raster];
  const place = new Map(separate.map((label, i) => [label, i]));
  const rasters = separate.map(() => new Raster(raster.width, raster.height, undefined, box));
  for (let i = 0; i < labels.length; i += 1) {
    if (!before.labels[i]) continue;
    const target = rasters[place.get(labels[i]) ?? 0];
    target.bits[(box.y + Math.floor(i / box.w)) * raster.width + box.x + (i % box.w)] = 1;
  }
  return rasters;
}

/**
 * @param {{box: import("./rle.js").Box, labels: Int32Array}} parts
 * @param {number} x
 * @param {number} y
 */
function at({ box, labels }, x, y) {
  if (x < box.x || y < box.y || x >= box.x + box.w || y >= box.y + box.h) return 0;
  return labels[(y - box.y) * box.w + x - box.x];
}

/**
 * Give each pixel under the blade to the piece that is nearest along the mask.
 *
 * @param {Int32Array} labels filled here
 * @param {(x: number, y: number) => number} piece 0 under the blade
 * @param {{box: import("./rle.js").Box, labels: Int32Array}} mask
 */
function spread(labels, piece, { box: { w, h }, labels: inside }) {
  /** @type {number[]} */
  let front = [];
  for (let i = 0; i < labels.length; i += 1) {
    if (!inside[i]) continue;
    labels[i] = piece(i % w, Math.floor(i / w));
    if (labels[i]) front.push(i);
  }
  while (front.length) front = grownFront(front, labels, inside, w, h);
}

/**
 * @param {number[]} front places reached last
 * @param {Int32Array} labels
 * @param {Int32Array} inside
 * @param {number} w
 * @param {number} h
 * @returns {number[]} places reached now
 */
function grownFront(front, labels, inside, w, h) {
  /** @type {number[]} */
  const next = [];
  for (const i of front) {
    for (const n of neighbours(i, w, h)) {
      if (!inside[n] || labels[n]) continue;
      labels[n] = labels[i];
      next.push(n);
    }
  }
  return next;
}

/**
 * @param {number} i
 * @param {number} w
 * @param {number} h
 */
function neighbours(i, w, h) {
  const x = i % w;
  const found = [];
  if (x > 0) found.push(i - 1);
  if (x < w - 1) found.push(i + 1);
  if (i >= w) found.push(i - w);
  if (i < w * (h - 1)) found.push(i + w);
  return found;
}
