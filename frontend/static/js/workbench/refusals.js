/** What is not taken: why a task is not changed here, and changes that the server would not take, by name and taken back. */

import { get } from "../api.js";
import { framesSaid } from "../models/spoken.js";
import { erased, fromRows, isGone } from "../models/work.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/outbox.js").Entry} Entry */
/** @typedef {import("../models/work.js").Kind} Kind */

/** @param {Bench} bench @param {Entry} entry @returns {string} as a sentence begins */
export function nameOf(bench, { kind, id, body }) {
  if (kind === "segments") return `The segment on ${framesSaid(body.start, body.end)}`;
  const number = bench.work.get("tracks", kind === "masks" ? body.track : id)?.number ?? "";
  return kind === "masks" ? `The mask of object ${number} on frame ${body.frame}` : `Object ${number}`;
}

/**
 * Put a thing back as the server has it, and give up what was refused of it.
 *
 * @param {Bench} bench
 * @param {Entry} entry
 */
export async function takeBack(bench, entry) {
  const { outbox, work, history } = bench;
  const stands = await get(`tasks/${bench.task.id}/work/?masks=rows`)
    .then(fromRows)
    .catch(() => null);
  if (!stands) {
    bench.say("The server can't be reached; nothing was taken back.", "warning");
    return;
  }
  // Without its object a mask is refused too, and goes with it.
  const gone = outbox.refusals.filter(({ id, body }) => id === entry.id || body.track === entry.id);
  const things = new Map(gone.map(({ kind, id }) => [id, /** @type {Kind} */ (kind)]));
  for (const id of things.keys()) await outbox.discard(id);
  const edits = [...things].flatMap(([id, kind]) => {
    const before = work.get(kind, id);
    const known = stands[kind].find((/** @type {any} */ thing) => thing.id === id);
    if (known) outbox.learn([known]);
    const after = known ?? (isGone(kind, before) ? null : erased(kind, before));
    return after ? [{ kind, id, before, after }] : [];
  });
  if (edits.some(({ kind, id, after }) => id === bench.selection?.id && isGone(kind, after))) bench.select(null);
  work.apply(edits);
  history.forget(({ id }) => things.has(id));
  bench.emit("history");
  bench.emit("remarks");
  bench.say(`${nameOf(bench, entry)} is as it was saved last.`);
}

/** Why a task that is not editable is not. @param {any} task @returns {string} a sentence */
export function readOnlyReason(task) {
  if (task.state === "submitted") return "This task is in review; it can be looked at, not changed.";
  if (task.state === "accepted") return "This task is accepted; it can be looked at, not changed.";
  if (task.assignee) return `This task is with ${task.assignee}; it can be looked at, not changed.`;
  return "This task is with nobody; take it from the task list to change it.";
}
