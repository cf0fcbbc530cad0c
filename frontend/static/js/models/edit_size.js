/** How far an annotation is from the proposal that it began from, in words. */

/** @typedef {{text: string, major: boolean}} Said */

/**
 * @param {import("./work.js").Mask | undefined} mask
 * @returns {Said | null} nothing for a mask that began from no proposal
 */
export function maskEdit(mask) {
  if (!mask || mask.counts === null) return null;
  if (mask.edit_iou === undefined && mask.proposal) return { text: "Edited; measured when it is saved.", major: false };
  if (mask.edit_iou === undefined || mask.edit_iou === null) return null;
  if (mask.edit_iou === 1) return { text: `As proposed${by(mask.engine)}.`, major: false };
  const major = Boolean(mask.major_edit);
  const outline = mask.edit_boundary === null || mask.edit_boundary === undefined ? "" : px(mask.edit_boundary);
  return { text: `${major ? "Major" : "Minor"} edit of a proposal: IoU ${mask.edit_iou.toFixed(2)}${outline}.`, major };
}

/**
 * @param {{start: number, end: number}} segment
 * @param {{start: number, end: number} | undefined} proposal
 * @param {(frame: number) => number} at when a frame appears, or the clip ends, in seconds
 * @returns {{start: number, end: number} | null} seconds; above 0 is later
 */
export function shiftOf(segment, proposal, at) {
  if (!proposal) return null;
  return { start: at(segment.start) - at(proposal.start), end: at(segment.end) - at(proposal.end) };
}

/**
 * @param {{start: number | null, end: number | null}} shift seconds
 * @param {string} engine
 * @returns {Said}
 */
export function segmentEdit(shift, engine) {
  const [start, end] = [Math.round(1000 * (shift.start ?? 0)), Math.round(1000 * (shift.end ?? 0))];
  if (!start && !end) return { text: `Ends as proposed${by(engine)}.`, major: false };
  return { text: `Against the proposal${by(engine)}: start ${moved(start)}, end ${moved(end)}.`, major: false };
}

/** @param {number} ms */
function moved(ms) {
  return ms ? `${Math.abs(ms).toLocaleString("en")} ms ${ms > 0 ? "later" : "earlier"}` : "as proposed";
}

/** @param {string} engine */
const by = (engine) => (engine ? ` by ${engine}` : "");

/** @param {number} distance */
const px = (distance) => `, outline moved by ${distance.toFixed(1)} px`;
