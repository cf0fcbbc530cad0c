/** Whether a thing stands as it was left: what undo needs to know before it writes over it. */

import { isGone } from "./work.js";

/** @typedef {import("./work.js").Kind} Kind */

/** @type {Record<Kind, (state: any) => unknown[]>} what a person can see or set; where it came from is not part of it */
const SEEN = {
  tracks: ({ label, z_order }) => [label, z_order ?? 0],
  masks: ({ counts, occluded, amodal }) => [counts, Boolean(occluded), amodal || ""],
  segments: ({ start, end, level, instructions, confidence, ...said }) => [
    start,
    end,
    level,
    ...["action", "phase", "object", "object_name", "hand", "hand_side", "outcome"].map((name) => said[name] || ""),
    confidence ?? null,
    (instructions ?? []).map((/** @type {string} */ text) => text.trim()),
  ],
};

/**
 * @param {Kind} kind
 * @param {any} one
 * @param {any} other
 */
export function isSame(kind, one, other) {
  const gone = isGone(kind, one);
  if (gone !== isGone(kind, other)) return false;
  if (gone) return Boolean(one?.outside) === Boolean(other?.outside);
  return JSON.stringify(SEEN[kind](one)) === JSON.stringify(SEEN[kind](other));
}

/** One side of a stale save as a state on the screen. @param {any} side */
const asState = (side) => (side.deleted ? { ...side, counts: null } : side);

/**
 * Whether both sides of a stale save say the same.
 *
 * @param {Kind} kind
 * @param {any} mine
 * @param {any} theirs
 */
export function sidesAreSame(kind, mine, theirs) {
  return Boolean(mine && theirs) && isSame(kind, asState(mine), asState(theirs));
}

/**
 * @param {import("./work.js").Work} work as it stands
 * @param {{kind: Kind, id: string}} thing
 * @param {any} expected a state; null: not there; true: there, in whatever state
 */
export function standsAs(work, { kind, id }, expected) {
  const now = work.get(kind, id);
  if (expected === true) return !isGone(kind, now);
  // The masks of an erased object are not sent; whether the object was rightly erased is the object's own question.
  if (kind === "masks" && now === undefined && isGone("tracks", work.get("tracks", expected?.track ?? null)))
    return true;
  return isSame(kind, expected, now);
}
