/** How two masks overlap, from their runs alone: no pixel is unpacked. */

import { unpack } from "./rle.js";

/** @param {string} counts @returns {[number, number][]} the set pixels as [start, end) along the columns */
function setRuns(counts) {
  let at = 0;
  /** @type {[number, number][]} */
  const found = [];
  unpack(counts).forEach((length, i) => {
    // Odd runs are the mask's.
    if (i % 2 && length) found.push([at, at + length]);
    at += length;
  });
  return found;
}

/** @param {[number, number][]} runs */
const area = (runs) => runs.reduce((sum, [start, end]) => sum + end - start, 0);

/**
 * Intersection over union.
 *
 * @param {string | null} a counts
 * @param {string | null} b counts of a mask of the same size
 * @returns {number} 0-1; 1 for two masks without a pixel
 */
export function overlap(a, b) {
  if (a === b) return 1;
  const [first, second] = [a === null ? [] : setRuns(a), b === null ? [] : setRuns(b)];
  let [i, j, both] = [0, 0, 0];
  while (i < first.length && j < second.length) {
    both += Math.max(0, Math.min(first[i][1], second[j][1]) - Math.max(first[i][0], second[j][0]));
    if (first[i][1] < second[j][1]) i += 1;
    else j += 1;
  }
  const either = area(first) + area(second) - both;
  return either ? both / either : 1;
}
