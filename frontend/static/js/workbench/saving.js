/** Getting work to the server: sending, the lease, what is said of it in the top bar. */

import { ask } from "../api.js";
import { Activity } from "../models/activity.js";
import { Lease } from "../models/lease.js";
import { saveState } from "../models/save_state.js";
import { byId } from "./dom.js";
import { forgetOvertaken } from "./live.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/outbox.js").Entry} Entry */

const IF_TAKEN = "They are saved if you take the task again.";
const LOST = `This task is no longer yours. Unsaved strokes are kept in this browser. ${IF_TAKEN}`;
const BEAT = 10000; // ms between two signs of life to the server

/**
 * @param {number} task
 * @returns {import("../models/outbox.js").Send}
 */
export function sender(task) {
  return async (entries) => {
    if (entries.length === 1) return [await sendOne(task, entries[0])];
    const edits = entries.map(({ kind, id, key, base, body }) => ({ kind, id, key, base, body }));
    const answer = await ask("POST", `tasks/${task}/edits/`, { body: { edits } });
    if (answer.status === 207 && answer.body?.answers?.length === entries.length) return answer.body.answers;
    // What is wrong with one of them is learnt by sending it alone.
    return isOfAll(answer.status) ? [answer] : [await sendOne(task, entries[0])];
  };
}

/** Whether an answer is about the task or the server, and not about one of the writes. @param {number} status */
const isOfAll = (status) => status < 400 || status >= 500 || [401, 403, 404, 409, 429].includes(status);

/**
 * @param {number} task
 * @param {Entry} entry
 */
function sendOne(task, { kind, id, key, base, body }) {
  const headers = { "Idempotency-Key": key };
  if (kind === "decisions") return ask("POST", `tasks/${task}/decisions/`, { body, headers });
  return ask("PUT", `tasks/${task}/${kind}/${id}/`, { body, headers: { ...headers, "If-Match": `"${base}"` } });
}

/**
 * Put on the bench what an earlier page could not save, and drop the steps of it that may no longer be undone.
 *
 * @param {Bench} bench
 */
export async function restore(bench) {
  const { outbox } = bench;
  if (bench.readOnly) {
    bench.close(bench.readOnly);
    const n = await outbox.kept();
    if (n) bench.say(`${changes(n, "is", "are")} kept in this browser, not saved. ${IF_TAKEN}`);
    return;
  }
  const entries = await outbox.restore();
  for (const entry of entries) putBack(bench, entry);
  if (entries.length) {
    bench.say(`${changes(entries.length, "was", "were")} kept in this browser; saving now.`);
  }
  forgetOvertaken(bench);
}

/** @param {Bench} bench @param {Entry} entry */
function putBack(bench, { kind, id, body }) {
  if (kind === "decisions") {
    const verdict = body.verdict === "undecided" ? null : body.verdict;
    for (const proposal of body.proposals) bench.proposals.decide(proposal, verdict);
    return;
  }
  const known = /** @type {import("../models/work.js").Kind} */ (kind);
  const before = bench.work.get(known, id) ?? null;
  bench.work.apply([{ kind: known, id, before, after: { ...before, deleted: undefined, ...body, id } }]);
}

/** @param {number} n @param {string} one @param {string} many */
const changes = (n, one, many) => (n === 1 ? `1 change ${one}` : `${n} changes ${many}`);

/** @param {Bench} bench */
export function bindSaving(bench) {
  const { outbox } = bench;
  const status = /** @type {HTMLButtonElement} */ (byId("save-state"));
  const show = () => {
    const { state, text, title } = saveState(outbox);
    status.dataset.state = state;
    status.title = title;
    byId("save-text").textContent = text;
  };
  outbox.on("change drained", show);
  status.addEventListener("click", () => {
    if (!bench.readOnly) outbox.retry();
  });
  window.addEventListener("online", () => outbox.retry());
  window.addEventListener("beforeunload", (event) => {
    if (outbox.unsaved) event.preventDefault();
  });
  outbox.on("lost", ({ status: code, message }) => {
    if (code === 409 || code === 404) bench.close(LOST);
    else
      bench.say(
        `${message} Your changes are kept in this browser: log in again in another tab, then click the save state.`,
        "error",
      );
  });
  outbox.on("unsafe", () =>
    bench.say(
      "This browser keeps no safety copy of unsaved work; don't close the page while something is unsaved.",
      "warning",
    ),
  );
  outbox.on("refused", (entry) => {
    if (entry.kind !== "decisions") bench.say(entry.refused, "error");
    bench.emit("remarks");
  });
  outbox.on("renamed", ({ from, to }) => {
    const mask = bench.work.get("masks", from);
    if (mask) bench.work.merge({ masks: [{ ...mask, id: to }] });
    bench.history.forget((edit) => edit.id === from);
    bench.emit("history");
  });
  show();
}

/** Keep the lease, and tell how long was really worked. @param {Bench} bench */
export function bindLease(bench) {
  const active = new Activity();
  for (const name of ["pointerdown", "pointermove", "keydown", "wheel"]) {
    document.addEventListener(
      name,
      () => {
        const now = performance.now();
        active.touch(now);
        bench.activity.touch(now);
      },
      { passive: true },
    );
  }
  // A reviewer writes without holding the task.
  if (bench.readOnly || bench.task.state === "submitted") return;
  bench.lease = new Lease(async () => {
    if (bench.readOnly) return;
    const seconds = active.take();
    const { status, body } = await ask("POST", `tasks/${bench.task.id}/lease/`, { body: { seconds } });
    if (status === 409 || status === 404 || (status === 403 && body?.error?.code === "forbidden")) {
      bench.close(LOST);
      bench.outbox.stop(bench.readOnly);
    }
  });
  setInterval(() => bench.lease?.beat(), BEAT);
}
