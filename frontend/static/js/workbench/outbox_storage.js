/** Where unsaved writes survive a closed tab: IndexedDB, flushed to disk before a write counts as kept. */

import { Store } from "./database.js";

/** @typedef {import("../models/outbox.js").Entry} Entry */

/** @param {string} user whose writes; two people on one machine do not send each other's */
const writesOf = (user) => new Store(`loupe-outbox-${user}`, "writes", "strict");

/**
 * @param {string} user
 * @param {number} task
 * @returns {import("../models/outbox.js").Storage}
 */
export function outboxStorage(user, task) {
  const kept = writesOf(user);
  return {
    load: () => /** @type {Promise<Entry[]>} */ (kept.read((writes) => writes.index("task").getAll(task))),
    async add(drafts) {
      const requests = await kept.write((writes) => drafts.map((draft) => writes.add(draft)));
      return requests.map((request) => Number(request.result));
    },
    async settle(gone, changed) {
      await kept.write((writes) => {
        for (const seq of gone) writes.delete(seq);
        for (const entry of changed) {
          // Another tab may have had the answer already and put the write away; it must not come back.
          writes.count(entry.seq).onsuccess = (event) => {
            if (/** @type {IDBRequest<number>} */ (event.target).result) writes.put(entry);
          };
        }
      });
    },
  };
}

/**
 * How many writes wait in this browser, by task: those of a page that was closed before they were sent.
 *
 * @param {string} user
 * @returns {Promise<Map<number, number>>}
 */
export async function unsavedByTask(user) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  const all = await writesOf(user).read((writes) => writes.getAll());
  for (const { task } of /** @type {Entry[]} */ (all)) counts.set(task, (counts.get(task) ?? 0) + 1);
  return counts;
}
