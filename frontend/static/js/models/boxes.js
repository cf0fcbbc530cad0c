/** Boxes of whole pixels. */

/** @typedef {import("./rle.js").Box} Box */

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {Box} the smallest box around both; an empty one counts for nothing
 */
export function around(a, b) {
  if (!a.w || !a.h) return b;
  if (!b.w || !b.h) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {Box | null} what they have in common; null is nothing
 */
export function meeting(a, b) {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const w = Math.min(a.x + a.w, b.x + b.w) - x;
  const h = Math.min(a.y + a.h, b.y + b.h) - y;
  return w > 0 && h > 0 ? { x, y, w, h } : null;
}
