/** What the rows of segments and the keys for them both need of the bench. */

import { matches } from "../models/grammar.js";
import { TASK } from "../models/segment_edits.js";
import { SnapTargets } from "../models/snapping.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Segment} Segment */

/**
 * By what rules segments are moved.
 *
 * @param {Bench} bench
 * @param {boolean} [other] the other way than linking is set
 * @returns {import("../models/segment_edits.js").Rules}
 */
export function rulesOf({ task, settings }, other = false) {
  const permissions = (task.grammar ?? []).filter((/** @type {any} */ rule) => rule.kind === "may_overlap");
  return {
    bounds: { start: task.start, end: task.end },
    free: (segment) => permissions.some((/** @type {any} */ rule) => matches(segment, rule.what ?? "")),
    linked: settings.get("linked") !== other,
  };
}

/**
 * @param {string} id
 * @param {string} level
 * @param {number} start
 * @param {number} end
 * @returns {Segment}
 */
export function blankSegment(id, level, start, end) {
  return { id, start, end, level, action: "", phase: "", instructions: [], method: "manual", engine: "" };
}

/**
 * Where a boundary may snap: what stands in the rows, what is proposed, the playhead, and what the motion does.
 *
 * @param {Bench} bench
 * @param {Segment[]} moving these do not snap to themselves
 */
export function snapTargets(bench, moving) {
  const ids = new Set(moving.map(({ id }) => id));
  const others = bench.work.segments.filter(({ id }) => !ids.has(id));
  const ends = (
    /** @type {{start: number, end: number}[]} */ list,
    /** @type {string} */ what,
    /** @type {number} */ rank,
  ) =>
    list.flatMap(({ start, end }) => [
      { frame: start, why: `start of ${what}`, rank },
      { frame: end, why: `end of ${what}`, rank },
    ]);
  return new SnapTargets([
    { frame: bench.frame, why: "playhead", rank: 0 },
    ...ends([bench.task], "this work", 1),
    ...others.flatMap((one) => ends([one], one.level === TASK ? "a task" : "an action", 1)),
    ...bench.moments.all,
    ...ends(bench.proposals.segments, "a proposal", 3),
  ]);
}
