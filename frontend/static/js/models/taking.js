/** Who has a pixel where objects overlap: what is in front takes it, and what lost some is marked occluded. */

import { pack, unpack } from "./rle.js";
import { apart, areaOf, common, minus, spanOf, union } from "./runs.js";

/** @typedef {import("./work.js").Mask} Mask */
/** @typedef {import("./runs.js").Runs} Runs */
/**
 * @typedef {object} Settled
 * @property {string | null} counts what the painted object has in the end
 * @property {boolean} covered whether something in front kept pixels that were painted
 * @property {{mask: Mask, counts: string | null}[]} losers those behind that lost pixels, with what they are left with
 */

/**
 * Settle what was painted on an object among the others of the frame. What it had before stays its own; of the pixels
 * painted now, those in front keep theirs and all others give theirs up.
 *
 * @param {string | null} before the object's counts before the stroke
 * @param {string} after and after it
 * @param {{mask: Mask, inFront: boolean}[]} others
 * @returns {Settled}
 */
export function settle(before, after, others) {
  const whole = unpack(after);
  const painted = before === null ? whole : minus(whole, unpack(before));
  const [front, behind] = [others.filter(({ inFront }) => inFront), others.filter(({ inFront }) => !inFront)];
  let free = painted;
  for (const { theirs } of sharing(painted, front)) free = minus(free, theirs);
  const covered = areaOf(free) < areaOf(painted);
  const losers = sharing(free, behind).map(({ mask, theirs, shared }) => {
    const left = minus(theirs, shared);
    return { mask, counts: areaOf(left) ? pack(left) : null };
  });
  const kept = covered ? minus(whole, minus(painted, free)) : whole;
  return { counts: areaOf(kept) ? (covered ? pack(kept) : after) : null, covered, losers };
}

/**
 * @param {Runs} painted
 * @param {{mask: Mask}[]} others
 * @returns {{mask: Mask, theirs: Runs, shared: Runs}[]} those that have some of the pixels
 */
function sharing(painted, others) {
  const span = spanOf(painted);
  return others.flatMap(({ mask }) => {
    if (mask.counts === null) return [];
    const theirs = unpack(mask.counts);
    if (apart(span, spanOf(theirs))) return [];
    const shared = common(painted, theirs);
    return areaOf(shared) ? [{ mask, theirs, shared }] : [];
  });
}

/**
 * Both masks in one.
 *
 * @param {string | null | undefined} a
 * @param {string | null | undefined} b
 * @returns {string | null}
 */
export function united(a, b) {
  if (!a || !b) return a || b || null;
  return pack(union(unpack(a), unpack(b)));
}

/** @param {string} inner @param {string} outer */
export const isWithin = (inner, outer) => areaOf(minus(unpack(inner), unpack(outer))) === 0;
