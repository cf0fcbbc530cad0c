/** Copying masks from frame to frame. */

import { Emitter } from "../models/emitter.js";
import { newId } from "../models/identity.js";
import { layingEdits } from "./mask_edits.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Edit} Edit */
/** @typedef {import("../models/work.js").Mask} Mask */

const BY_HAND = ["manual", "assisted"];

/** @type {WeakMap<Bench, Mask>} */
const clipboards = new WeakMap();

/** News of the clipboard. */
export const copies = new Emitter();

/** @param {Bench} bench */
export function copyMask(bench) {
  const mask = bench.track && bench.work.maskOf(bench.track.id, bench.frame);
  if (!mask || mask.counts === null) {
    bench.say("Select an object with a mask on this frame first.");
    return;
  }
  clipboards.set(bench, mask);
  copies.emit("change");
  bench.say(`Object ${bench.track?.number} is copied from frame ${bench.frame}.`);
}

/**
 * Paste what was copied on its object, here or on the frames that follow.
 *
 * @param {Bench} bench
 * @param {number} ahead 0 is this frame; more is so many frames after it
 */
export function pasteMask(bench, ahead) {
  const mask = clipboards.get(bench);
  const track = mask && bench.work.get("tracks", mask.track);
  if (!mask || !track || track.deleted) {
    bench.say("Copy a mask first: select its object and press Ctrl+C.");
    return;
  }
  if (!bench.mayWrite(ahead ? undefined : bench.frame)) return;
  if (bench.shown.isLocked(track.id)) {
    bench.say(`Object ${track.number} is locked; unlock it in the list to change it.`, "warning");
    return;
  }
  if (ahead) pasteAhead(bench, mask, track, ahead);
  else {
    const edits = pasting(bench, mask, track.id, bench.frame);
    if (!edits.length) bench.say("This frame has the very mask already.");
    else if (bench.commit(`Paste object ${track.number} on frame ${bench.frame}`, edits))
      bench.select("tracks", track.id);
  }
}

/**
 * What was drawn by hand is not written over.
 *
 * @param {Bench} bench
 * @param {Mask} mask
 * @param {import("../models/work.js").Track} track
 * @param {number} ahead
 */
function pasteAhead(bench, mask, track, ahead) {
  const first = bench.frame + 1;
  const end = Math.min(first + ahead, bench.task.end);
  if (end <= first) {
    bench.say("The task ends here.");
    return;
  }
  const frames = Array.from({ length: end - first }, (_, i) => first + i);
  const free = frames.filter((frame) => !isByHand(bench.work.maskOf(track.id, frame)));
  const edits = free.flatMap((frame) => pasting(bench, mask, track.id, frame));
  if (edits.length) bench.commit(`Paste object ${track.number} on frames ${first} to ${end - 1}`, edits);
  const kept = frames.length - free.length;
  const stayed = kept ? ` ${counted(kept)} drawn by hand stayed as ${kept === 1 ? "it was" : "they were"}.` : "";
  bench.say(`Object ${track.number} is pasted on ${counted(free.length)}.${stayed}`);
}

/**
 * The selected object as it was on the frame before; without one, every object that was there and is not here.
 *
 * @param {Bench} bench
 */
export function copyFromPrevious(bench) {
  const { frame, work, track } = bench;
  if (!bench.mayWrite(frame)) return;
  const previous = frame - 1;
  const there = work
    .masksOn(previous)
    .filter((mask) => (track ? mask.track === track.id : !bench.shown.isLocked(mask.track)));
  const wanted = there.filter((mask) => track || !work.maskOf(mask.track, frame)?.counts);
  if (!wanted.length) {
    bench.say(
      track
        ? `Object ${track.number} has no mask on frame ${previous}.`
        : `Nothing to copy: what is on frame ${previous} is here too.`,
    );
    return;
  }
  const edits = wanted.flatMap((mask) => pasting(bench, mask, mask.track, frame, !track));
  const what = track ? `object ${track.number}` : counted(wanted.length, "object");
  if (edits.length) bench.commit(`Copy ${what} from frame ${previous}`, edits);
  bench.say(edits.length ? `Copied ${what} from frame ${previous}.` : `Frame ${previous} has the same mask.`);
}

/**
 * @param {Bench} bench
 * @param {Mask} mask
 * @param {string} track
 * @param {number} frame
 * @param {boolean} [together] with others of its frame, which keep their pixels as they had them there
 * @returns {Edit[]} none where the frame has the very mask
 */
function pasting(bench, mask, track, frame, together = false) {
  const here = bench.work.maskOf(track, frame);
  if (here && here.counts === mask.counts) return [];
  const { amodal, occluded } = mask;
  const fields = { counts: mask.counts, method: "manual", engine: "", prompts: [], proposal: null };
  if (together) {
    const place = here ?? { id: newId(), track, frame };
    const after = { ...place, ...fields, amodal, occluded, outside: false, keyframe: true };
    return [{ kind: "masks", id: after.id, before: here ?? null, after }];
  }
  const { edits } = layingEdits(bench, { ...fields, label: "", track, frame });
  const own = edits.find(({ kind, after }) => kind === "masks" && after.track === track);
  if (own) own.after = { ...own.after, amodal: amodal ?? "", occluded: own.after.occluded || occluded };
  return edits;
}

/** @param {Mask | undefined} mask */
const isByHand = (mask) => Boolean(mask && mask.counts !== null && (mask.keyframe || BY_HAND.includes(mask.method)));

/**
 * @param {number} n
 * @param {string} [what]
 */
const counted = (n, what = "frame") => (n === 1 ? `1 ${what}` : `${n} ${what}s`);
