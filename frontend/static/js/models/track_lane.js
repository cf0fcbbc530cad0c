/** What a track shows on the time axis: where its masks come from, where it is outside of the picture, where it lacks. */

/** @typedef {import("./work.js").Mask} Mask */
/** @typedef {"person" | "model" | "propagated" | "interpolated"} Source */
/** @typedef {{start: number, end: number, source: Source, occluded: boolean}} Run frames [start, end) of one kind */
/**
 * @typedef {object} Lane
 * @property {Run[]} runs
 * @property {number[]} keyframes
 * @property {[number, number][]} outside frames [start, end)
 * @property {[number, number][]} missing frames between two masks without one, where nobody said that it is outside
 */

/**
 * Who or what stands for a mask. One that a model made and a stroke on another object cut is assisted and no keyframe:
 * still the model's.
 *
 * @param {Mask} mask
 * @returns {Source}
 */
export function sourceOf({ method, keyframe }) {
  if (keyframe || method === "manual") return "person";
  return method === "propagated" || method === "interpolated" ? method : "model";
}

/**
 * @param {Iterable<Mask>} masks of one track, in any order, erased ones too
 * @param {number} end first frame after the task
 * @returns {Lane}
 */
export function laneOf(masks, end) {
  const marks = [...masks]
    .filter(({ counts, outside }) => counts !== null || outside)
    .sort((a, b) => a.frame - b.frame);
  /** @type {Lane} */
  const lane = { runs: [], keyframes: [], outside: [], missing: [] };
  marks.forEach((mask, i) => {
    const next = marks[i + 1]?.frame ?? end;
    if (mask.keyframe) lane.keyframes.push(mask.frame);
    if (mask.counts === null) lane.outside.push([mask.frame, next]);
    else addTo(lane.runs, mask);
    if (mask.counts !== null && i < marks.length - 1 && next > mask.frame + 1)
      lane.missing.push([mask.frame + 1, next]);
  });
  return lane;
}

/** What each source is called. @type {Record<Source, string>} */
export const SOURCES = {
  person: "made by hand",
  model: "made by a model",
  propagated: "propagated from a keyframe",
  interpolated: "interpolated between two keyframes",
};

/**
 * What a lane shows on a frame, in words.
 *
 * @param {Iterable<Mask>} masks of one track
 * @param {number} frame
 * @param {number} end first frame after the task
 */
export function stateAt(masks, frame, end) {
  const all = [...masks];
  const mask = all.find((each) => each.frame === frame && each.counts !== null);
  if (mask) {
    const more = [mask.keyframe && "keyframe", mask.occluded && "occluded"].filter(Boolean);
    return [SOURCES[sourceOf(mask)], ...more].join(", ");
  }
  const lane = laneOf(all, end);
  const isIn = (/** @type {[number, number]} */ [start, until]) => start <= frame && frame < until;
  if (lane.outside.some(isIn)) return "outside of the picture";
  return lane.missing.some(isIn) ? "missing between two masks" : "no mask";
}

/**
 * @param {Run[]} runs
 * @param {Mask} mask
 */
function addTo(runs, mask) {
  const source = sourceOf(mask);
  const before = runs.at(-1);
  if (before && before.end === mask.frame && before.source === source && before.occluded === mask.occluded) {
    before.end += 1;
  } else {
    runs.push({ start: mask.frame, end: mask.frame + 1, source, occluded: mask.occluded });
  }
}

/**
 * The nearest number of a list beyond a place, in a direction.
 *
 * @param {Iterable<number>} numbers
 * @param {number} from
 * @param {1 | -1} direction
 * @returns {number | undefined}
 */
export function nextOf(numbers, from, direction) {
  const ahead = [...numbers].filter((n) => (n - from) * direction > 0);
  if (!ahead.length) return undefined;
  return ahead.reduce((a, b) => ((b - a) * direction < 0 ? b : a));
}

/** The frames of [start, end) pairs, each by its first. @param {[number, number][]} pairs */
export const starts = (pairs) => pairs.map(([start]) => start);
