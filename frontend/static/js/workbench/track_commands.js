/** What the keys do with the selected object along the time axis, and where they lead to next. */

import { dips } from "../models/drift.js";
import { newId } from "../models/identity.js";
import { nextOf } from "../models/track_lane.js";
import { erased } from "../models/work.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Mask} Mask */
/** @typedef {[string, string, string[], () => void]} Row */

/** @param {Bench} bench @returns {Row[]} */
export function trackRows(bench) {
  const { carrying } = bench;
  return [
    ["keyframe", "Make the mask a keyframe, or no keyframe", ["k"], () => toggleKeyframe(bench)],
    ["next-key", "Next keyframe of the object, or of the clip", ["."], () => goToKeyframe(bench, 1)],
    ["previous-key", "Previous keyframe", [","], () => goToKeyframe(bench, -1)],
    ["occluded", "Occluded on this frame, or not", ["Shift+o"], () => toggleOccluded(bench)],
    ["outside", "Outside of the picture from here, or not", ["Alt+o"], () => toggleOutside(bench)],
    ["carry-on", "Carry the mask on to the next keyframe", ["t"], () => carrying.start(1)],
    ["carry-back", "Carry the mask back to the keyframe before", ["Shift+t"], () => carrying.start(-1)],
    ["interpolate", "Interpolate shapes to the next keyframe", ["Alt+t"], () => interpolate(bench)],
    ["next-dip", "Next frame where the object drifts", ["j"], () => goToDip(bench, 1)],
    ["previous-dip", "Previous frame where the object drifts", ["Shift+j"], () => goToDip(bench, -1)],
    ["next-flag", "Next flag", ["y"], () => goToFlag(bench, 1)],
    ["previous-flag", "Previous flag", ["Shift+y"], () => goToFlag(bench, -1)],
    ["next-empty", "Next frame with nothing on it", ["u"], () => goToEmpty(bench, 1)],
    ["previous-empty", "Previous frame with nothing on it", ["Shift+u"], () => goToEmpty(bench, -1)],
    ["lock", "Lock or unlock the object", ["l"], () => withTrack(bench, ({ id }) => bench.shown.toggleLocked(id))],
    ["hide", "Hide or show the object", ["Shift+h"], () => withTrack(bench, ({ id }) => bench.shown.toggleHidden(id))],
    ["solo", "Show only this object, or all", ["Shift+m"], () => toggleSolo(bench)],
    ["forward", "Bring the object forward", ["PageUp"], () => restack(bench, 1)],
    ["backward", "Send the object backward", ["PageDown"], () => restack(bench, -1)],
  ];
}

/**
 * @param {Bench} bench
 * @param {(track: import("../models/work.js").Track) => void} run
 */
function withTrack(bench, run) {
  if (bench.track) run(bench.track);
  else bench.say("Select an object first: click it, or its row in the list.");
}

/**
 * The selected object's mask on this frame, if there is one to be changed.
 *
 * @param {Bench} bench
 * @returns {Mask | null}
 */
function maskHere(bench) {
  if (!bench.track) {
    bench.say("Select an object first: click it, or its row in the list.");
    return null;
  }
  const mask = bench.work.maskOf(bench.track.id, bench.frame);
  if (mask && mask.counts !== null) return mask;
  bench.say(`Object ${bench.track.number} has no mask on this frame.`);
  return null;
}

/** @param {Bench} bench */
function toggleKeyframe(bench) {
  const mask = maskHere(bench);
  if (!mask || !bench.track) return;
  const { number } = bench.track;
  // Whoever makes a carried mask a keyframe says that it is right as it is.
  const method = mask.keyframe || mask.method === "manual" ? mask.method : "assisted";
  const after = { ...mask, keyframe: !mask.keyframe, method };
  const title = mask.keyframe ? `Release the keyframe of object ${number}` : `Keyframe of object ${number}`;
  if (!bench.commit(`${title}, frame ${bench.frame}`, [{ kind: "masks", id: mask.id, before: mask, after }])) return;
  bench.say(
    mask.keyframe ? "No keyframe any more: carrying may write over this mask." : "Keyframe: nothing writes over it.",
  );
}

/** @param {Bench} bench */
function toggleOccluded(bench) {
  const mask = maskHere(bench);
  if (!mask || !bench.track) return;
  const after = { ...mask, occluded: !mask.occluded };
  const title = `${mask.occluded ? "Not occluded" : "Occluded"}: object ${bench.track.number}, frame ${bench.frame}`;
  bench.commit(title, [{ kind: "masks", id: mask.id, before: mask, after }]);
}

/**
 * The object leaves the picture: what was carried beyond this frame, up to the next keyframe, goes with it.
 *
 * @param {Bench} bench
 */
function toggleOutside(bench) {
  const { track, frame, work } = bench;
  if (!track || !bench.mayWrite(frame)) return withTrack(bench, () => undefined);
  const here = work.maskOf(track.id, frame);
  if (here?.outside) {
    const after = { ...here, outside: false };
    bench.commit(`Object ${track.number} is in the picture again`, [
      { kind: "masks", id: here.id, before: here, after },
    ]);
    return;
  }
  const base = here ?? { id: newId(), track: track.id, frame, occluded: false, engine: "" };
  const outside = {
    ...base,
    counts: null,
    outside: true,
    keyframe: true,
    occluded: false,
    method: "manual",
    amodal: "",
  };
  const next = nextOf(keyframesOf(bench, track.id), frame, 1) ?? Number.POSITIVE_INFINITY;
  const carried = work
    .masksOf(track.id)
    .filter((mask) => mask.counts !== null && !mask.keyframe && mask.frame > frame && mask.frame < next);
  bench.commit(`Object ${track.number} is outside from frame ${frame}`, [
    { kind: "masks", id: outside.id, before: here ?? null, after: outside },
    ...carried.map((mask) => ({
      kind: /** @type {"masks"} */ ("masks"),
      id: mask.id,
      before: mask,
      after: erased("masks", mask),
    })),
  ]);
}

/** @param {Bench} bench */
function toggleSolo(bench) {
  if (bench.shown.solo !== null) bench.shown.showOnly(null);
  else withTrack(bench, ({ id }) => bench.shown.showOnly(id));
}

/** @param {Bench} bench */
function interpolate(bench) {
  bench.carrying.start(1, { engine: "interpolation" });
}

/**
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function restack(bench, way) {
  withTrack(bench, (track) => {
    const others = bench.work.tracks.filter(({ id }) => id !== track.id).map(({ z_order }) => z_order);
    // Past the next one that lies that way; at the end of the stack there is nothing to pass.
    const next = nextOf(others, track.z_order - way, way);
    if (next === undefined) return bench.say(`Object ${track.number} is ${way === 1 ? "in front" : "behind"} already.`);
    const after = { ...track, z_order: next + way };
    const title = `${way === 1 ? "Bring forward" : "Send backward"} object ${track.number}`;
    bench.commit(title, [{ kind: "tracks", id: track.id, before: track, after }]);
  });
}

/**
 * @param {Bench} bench
 * @param {string} track
 */
function keyframesOf(bench, track) {
  return bench.work
    .masksOf(track)
    .filter(({ keyframe, counts, outside }) => keyframe && (counts !== null || outside))
    .map(({ frame }) => frame);
}

/**
 * @param {Bench} bench
 * @param {Iterable<number>} frames
 * @param {1 | -1} direction
 * @param {string} none what to say when there is none
 */
function visit(bench, frames, direction, none) {
  const next = nextOf(frames, bench.player.wanted, direction);
  if (next === undefined) bench.say(none);
  else bench.player.go(next);
}

/**
 * @param {Bench} bench
 * @param {1 | -1} direction
 */
function goToKeyframe(bench, direction) {
  const frames = bench.track ? keyframesOf(bench, bench.track.id) : bench.clip.keyframes;
  visit(bench, frames, direction, "There is no keyframe further on.");
}

/**
 * @param {Bench} bench
 * @param {1 | -1} direction
 */
function goToDip(bench, direction) {
  const { carrying, drift, track } = bench;
  // While something carried is looked at, what it would change comes first.
  if (carrying.changed.size && carrying.goToChange(direction)) return;
  if (drift.reason) return bench.say(drift.reason);
  const tracks = track ? [track] : bench.work.tracks;
  const frames = tracks.flatMap(({ id }) => dips(drift.of(id)).map((frame) => frame + 1));
  visit(
    bench,
    frames,
    direction,
    track ? `Object ${track.number} drifts nowhere further on.` : "No object drifts further on.",
  );
}

/**
 * @param {Bench} bench
 * @param {1 | -1} direction
 */
function goToFlag(bench, direction) {
  visit(
    bench,
    bench.flags.map(({ start }) => start),
    direction,
    "There is no flag further on.",
  );
}

/**
 * @param {Bench} bench
 * @param {1 | -1} direction
 */
function goToEmpty(bench, direction) {
  const { task, track, work } = bench;
  const isEmpty = (/** @type {number} */ frame) => {
    const mask = track && work.maskOf(track.id, frame);
    return track ? !mask || (mask.counts === null && !mask.outside) : work.masksOn(frame).length === 0;
  };
  const asked = task.frames.filter(isEmpty);
  const all = Array.from({ length: task.end - task.start }, (_, i) => task.start + i);
  // The frames that the task asks for come first; then any.
  const frames = nextOf(asked, bench.player.wanted, direction) === undefined ? all.filter(isEmpty) : asked;
  const whom = track ? ` without object ${track.number}` : " with nothing on it";
  visit(bench, frames, direction, `There is no frame${whom} further on.`);
}
