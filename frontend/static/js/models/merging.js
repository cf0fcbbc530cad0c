/** Two tracks into one: what changes on each frame. */

import { united } from "./taking.js";
import { erased, isGone } from "./work.js";

/** @typedef {import("./work.js").Edit} Edit */
/** @typedef {import("./work.js").Mask} Mask */
/** @typedef {import("./work.js").Work} Work */

/**
 * @param {Work} work
 * @param {string} into the track that stays
 * @param {string[]} from those that go into it
 * @param {(frame: number) => boolean} holds on which frames
 * @param {() => string} newId
 * @returns {Edit[]}
 */
export function mergingEdits(work, into, from, holds, newId) {
  /** @type {Map<number, Mask>} */
  const made = new Map();
  /** @type {Edit[]} */
  const edits = [];
  for (const track of from) {
    const frames = work.framesOf(track);
    const moved = frames.filter(holds).sort((a, b) => a - b);
    for (const frame of moved) {
      const theirs = /** @type {Mask} */ (work.maskOf(track, frame));
      const mine = made.get(frame) ?? work.maskOf(into, frame);
      made.set(frame, joined(mine, theirs, into, newId));
      // With its last mask the object goes, and its masks with it: one edit for all of them.
      if (moved.length < frames.length) {
        edits.push({ kind: "masks", id: theirs.id, before: theirs, after: erased("masks", theirs) });
      }
    }
    const gone = work.get("tracks", track);
    if (moved.length === frames.length && !isGone("tracks", gone)) {
      edits.push({ kind: "tracks", id: track, before: gone, after: erased("tracks", gone) });
    }
  }
  for (const [frame, after] of made) {
    edits.push({ kind: "masks", id: after.id, before: work.maskOf(into, frame) ?? null, after });
  }
  return edits;
}

/**
 * @param {Mask | undefined} mine erased or not
 * @param {Mask} theirs
 * @param {string} into
 * @param {() => string} newId
 * @returns {Mask}
 */
function joined(mine, theirs, into, newId) {
  const place = { id: mine?.id ?? newId(), track: into, frame: theirs.frame };
  if (!mine || mine.counts === null) {
    return { ...theirs, ...place, outside: false, proposal: null, edit_iou: undefined, edit_boundary: undefined };
  }
  const whole = mine.amodal || theirs.amodal;
  const amodal = whole ? united(mine.amodal || mine.counts, theirs.amodal || theirs.counts) : null;
  return {
    ...mine,
    counts: united(mine.counts, theirs.counts),
    amodal: amodal ?? "",
    occluded: mine.occluded || theirs.occluded,
    keyframe: true,
    method: mine.method === "manual" && theirs.method === "manual" ? "manual" : "assisted",
    engine: mine.engine || theirs.engine,
    edit_iou: undefined,
  };
}
