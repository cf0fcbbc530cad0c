/** Where a track drifts: dips of the agreement between each mask, carried along the flow, and the next one. */

// Above the first nobody would call it a dip, below the second everybody would.
const SURELY_GOOD = 0.85;
const SURELY_BAD = 0.5;
// A small thing agrees less on every frame, so a dip is what stands out of its own track: three robust deviations
// (median absolute deviation scaled to a normal's standard deviation, Rousseeuw and Croux 1993).
const DEVIATIONS = 3 * 1.4826;

/** @param {number[]} values not empty */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {Iterable<number>} values IoU 0-1
 * @returns {number} below it an agreement is a dip
 */
export function dipThreshold(values) {
  const all = [...values];
  if (!all.length) return 0;
  const middle = median(all);
  const spread = median(all.map((value) => Math.abs(value - middle)));
  return Math.min(SURELY_GOOD, Math.max(SURELY_BAD, middle - DEVIATIONS * spread));
}

/**
 * @param {Map<number, number>} drift IoU by frame
 * @returns {number[]} frames, ascending: the lowest of each run below the threshold
 */
export function dips(drift) {
  const limit = dipThreshold(drift.values());
  /** @type {number[]} */
  const found = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const frame of [...drift.keys()].sort((a, b) => a - b)) {
    const value = /** @type {number} */ (drift.get(frame));
    if (value >= limit) continue;
    const lowest = found.at(-1);
    if (lowest !== undefined && frame === last + 1) {
      if (value < /** @type {number} */ (drift.get(lowest))) found[found.length - 1] = frame;
    } else {
      found.push(frame);
    }
    last = frame;
  }
  return found;
}
