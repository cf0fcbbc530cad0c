/** Where the steps of undo and redo survive a reload: IndexedDB, by person and task. */

import { Store } from "./database.js";

/** @typedef {import("../models/history.js").Step} Step */

const MONTH = 30 * 24 * 3600 * 1000; // ms that the steps of a task nobody opens any more are kept

/**
 * @param {string} user
 * @param {number} task
 * @returns {import("../models/history.js").StepStorage}
 */
export function historyStorage(user, task) {
  // Relaxed: a step lost with the machine's power costs one undo, and strokes must not wait for the disk twice.
  const kept = new Store(`loupe-history-${user}`, "steps", "relaxed");

  /** @param {any} row */
  const old = (row) => row.task !== task && Date.now() - row.at > MONTH;

  const forgetOld = () =>
    kept.write((steps) => {
      steps.openCursor().onsuccess = (event) => {
        const cursor = /** @type {IDBRequest<IDBCursorWithValue | null>} */ (event.target).result;
        if (cursor && old(cursor.value)) cursor.delete();
        cursor?.continue();
      };
    });

  return {
    async load() {
      const rows = await kept.read((steps) => steps.index("task").getAll(task));
      setTimeout(() => forgetOld().catch(() => undefined), 30000); // once the page is open and quiet
      return rows;
    },
    async add(step) {
      const request = await kept.write((steps) => steps.add({ ...step, task, at: Date.now() }));
      return Number(request.result);
    },
    async settle(gone, changed) {
      await kept.write((steps) => {
        for (const seq of gone) steps.delete(seq);
        for (const step of changed) steps.put({ ...step, task, at: Date.now() });
      });
    },
  };
}
