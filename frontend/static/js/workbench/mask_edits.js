/** The edits by which a mask is laid on a frame, with what that does to the objects round it. */

import { newId } from "../models/identity.js";
import { settle, united } from "../models/taking.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Edit} Edit */
/** @typedef {import("../models/work.js").Mask} Mask */
/**
 * @typedef {object} Wanted
 * @property {string | null} track null makes one
 * @property {string} label of the new track
 * @property {string | null} counts
 * @property {string} method
 * @property {string} [engine]
 * @property {any[]} [prompts]
 * @property {number | null} [proposal]
 * @property {number} [frame] this one, unless it says so
 * @property {boolean} [covered] something in front has kept its pixels already
 * @property {boolean} [refines] it is a better version of what was laid before, so what that took comes back first
 */
/**
 * What a mask took from others, so that a better version of it can give that back.
 *
 * @typedef {object} Taken
 * @property {string} track
 * @property {number} frame
 * @property {Map<string | null, {base: string | null, lost: Map<string, {before: Mask, counts: string | null}>}>} by
 *   the counts that were laid
 */

/** @type {WeakMap<Bench, Taken>} */
const memories = new WeakMap();

/**
 * @param {Bench} bench
 * @param {Wanted} wanted
 * @returns {{id: string, edits: Edit[]}} the track, and one edit for everything that changes
 */
export function layingEdits(bench, { track, label, frame = bench.frame, refines = false, covered = false, ...fields }) {
  const { work } = bench;
  /** @type {Edit[]} */
  const edits = [];
  const id = track ?? newId();
  if (!track) {
    const after = { id, number: work.nextNumber, label, z_order: 0 };
    edits.push({ kind: "tracks", id, before: null, after });
  }
  const before = work.maskOf(id, frame) ?? null;
  const earlier = recall(bench, id, frame).by.get(before?.counts ?? null);
  const known = refines || fields.prompts?.length ? earlier : undefined;
  const base = known ? known.base : (before?.counts ?? null);
  const settled = settleAmong(bench, { id, frame, base, counts: fields.counts, lost: known?.lost });
  /** @type {any} */
  const after = {
    occluded: false,
    engine: "",
    ...(before ?? { id: newId(), track: id, frame }),
    // What a person lays is a keyframe, and is in the picture, whatever was said here before.
    outside: false,
    keyframe: true,
    prompts: [],
    ...fields,
    counts: settled.counts,
    edit_iou: undefined,
  };
  if (covered || settled.covered) after.occluded = true;
  if (after.amodal) after.amodal = united(after.amodal, after.counts) ?? "";
  edits.push({ kind: "masks", id: after.id, before, after }, ...settled.edits);
  recall(bench, id, frame).by.set(after.counts, { base, lost: settled.lost });
  return { id, edits };
}

/**
 * @param {Bench} bench
 * @param {string} id
 * @param {number} frame
 * @returns {Taken}
 */
function recall(bench, id, frame) {
  const known = memories.get(bench);
  if (known && known.track === id && known.frame === frame) return known;
  const fresh = { track: id, frame, by: new Map() };
  memories.set(bench, fresh);
  return fresh;
}

/**
 * @param {Bench} bench
 * @param {object} painted
 * @param {string} painted.id the track
 * @param {number} painted.frame
 * @param {string | null} painted.base its counts before
 * @param {string | null} painted.counts and now
 * @param {Map<string, {before: Mask, counts: string | null}>} [painted.lost] what others lost to the version before
 */
function settleAmong(bench, { id, frame, base, counts, lost }) {
  const { work } = bench;
  /** @type {Map<string, {before: Mask, counts: string | null}>} */
  const losing = new Map();
  /** @type {Edit[]} */
  const edits = [];
  if (!bench.settings.get("takes")) return { counts, covered: false, edits, lost: losing };
  // What the version before took is back before this one is settled, unless somebody has changed it since.
  /** @type {Map<string, Mask>} */
  const returned = new Map();
  for (const [mask, { before, counts: left }] of lost ?? []) {
    const now = work.get("masks", mask);
    if (now && now.counts === left) returned.set(mask, before);
  }
  const there = work.masksOn(frame).filter((mask) => !returned.has(mask.id));
  const others = [...there, ...returned.values()]
    .filter((mask) => mask.track !== id)
    .map((mask) => ({ mask, inFront: isInFront(bench, mask.track, id) }));
  const settled = counts === null ? { counts, covered: false, losers: [] } : settle(base, counts, others);
  for (const { mask, counts: left } of settled.losers) {
    const now = work.get("masks", mask.id);
    // An engine's outline that a person's stroke cut is no longer the engine's alone. It does not become a keyframe:
    // nobody has looked at the rest of it, so what is carried may still replace it.
    const method = mask.method === "manual" ? "manual" : "assisted";
    const after = { ...mask, counts: left, occluded: true, method, edit_iou: undefined };
    // What it looked like before something came in front is the whole of it, as far as anybody knows.
    if (bench.task.amodal && !mask.amodal) after.amodal = mask.counts ?? "";
    edits.push({ kind: "masks", id: mask.id, before: now, after });
    losing.set(mask.id, { before: mask, counts: left });
    returned.delete(mask.id);
  }
  for (const [mask, before] of returned) {
    edits.push({ kind: "masks", id: mask, before: work.get("masks", mask), after: before });
  }
  return { counts: settled.counts, covered: settled.covered, edits, lost: losing };
}

/**
 * Whether one object's pixels are safe from another: only a higher z-order is in front, so that between equals the
 * last stroke counts. What is locked keeps its pixels in any case.
 *
 * @param {Bench} bench
 * @param {string} other
 * @param {string} mine
 */
export function isInFront(bench, other, mine) {
  const { work } = bench;
  if (bench.shown.isLocked(other)) return true;
  return (work.get("tracks", other)?.z_order ?? 0) > (work.get("tracks", mine)?.z_order ?? 0);
}
