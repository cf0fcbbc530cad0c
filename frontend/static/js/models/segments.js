/** Action segments as intervals [start, end) of frames: how they move, split and lie in rows. */

/** @typedef {{id: string, start: number, end: number, level: string}} Interval */

/**
 * The interval with one end moved; it keeps at least one frame and stays inside the bounds.
 *
 * @template {{start: number, end: number}} T
 * @param {T} interval
 * @param {"start" | "end" | "both"} which
 * @param {number} boundary the frame boundary to move to; for "both", where the start goes
 * @param {{start: number, end: number}} bounds
 * @returns {T}
 */
export function moveEnd(interval, which, boundary, bounds) {
  const { start, end } = interval;
  if (which === "start") return { ...interval, start: Math.max(bounds.start, Math.min(boundary, end - 1)) };
  if (which === "end") return { ...interval, end: Math.min(bounds.end, Math.max(boundary, start + 1)) };
  const length = end - start;
  const moved = Math.max(bounds.start, Math.min(boundary, bounds.end - length));
  return { ...interval, start: moved, end: moved + length };
}

/**
 * @param {{start: number, end: number}} interval
 * @param {number} frame first frame of the second part
 * @returns {[[number, number], [number, number]] | null} null where the cut would leave a part without frames
 */
export function cut(interval, frame) {
  if (frame <= interval.start || frame >= interval.end) return null;
  return [
    [interval.start, frame],
    [frame, interval.end],
  ];
}

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

/**
 * The free stretch of a level around a frame: where a new segment fits without overlapping another.
 *
 * @param {Interval[]} segments
 * @param {string} level
 * @param {number} frame
 * @param {{start: number, end: number}} bounds
 * @returns {{start: number, end: number} | null} null where the frame is taken
 */
export function gapAt(segments, level, frame, bounds) {
  let { start, end } = bounds;
  for (const segment of segments) {
    if (segment.level !== level) continue;
    if (segment.start <= frame && frame < segment.end) return null;
    if (segment.end <= frame) start = Math.max(start, segment.end);
    else end = Math.min(end, segment.start);
  }
  return { start, end };
}
