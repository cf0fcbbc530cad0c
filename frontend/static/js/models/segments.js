/** Action segments as intervals [start, end) of frames: how they lie in rows. */

/**
 * Rows for a list of intervals: each goes to the first row where it overlaps nothing.
 *
 * @template {{start: number, end: number}} T
 * @param {T[]} intervals
 * @returns {T[][]}
 */
export function rows(intervals) {
  /** @type {T[][]} */
  const found = [];
  for (const interval of [...intervals].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const row = found.find((r) => (r.at(-1)?.end ?? 0) <= interval.start);
    if (row) row.push(interval);
    else found.push([interval]);
  }
  return found;
}
