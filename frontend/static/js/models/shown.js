/** Which objects are shown and which may be changed: this person's view of the task, nothing that is saved with it. */

import { Emitter } from "./emitter.js";

export class Shown extends Emitter {
  /** @type {Set<string>} */
  #hidden = new Set();
  /** @type {Set<string>} */
  #locked = new Set();
  /** @type {string | null} the only object that is shown */
  #solo = null;

  /** @param {{read: () => string | null, write: (text: string) => void}} [store] keeps it for this browser */
  constructor(store) {
    super();
    this.store = store;
    try {
      const kept = JSON.parse(store?.read() ?? "{}");
      this.#hidden = new Set(kept.hidden);
      this.#locked = new Set(kept.locked);
    } catch {
      // What cannot be read was written by another version; everything is shown.
    }
  }

  get solo() {
    return this.#solo;
  }

  /** @param {string} track */
  isHidden(track) {
    return this.#solo === null ? this.#hidden.has(track) : this.#solo !== track;
  }

  /** @param {string} track */
  isLocked(track) {
    return this.#locked.has(track);
  }

  /** @param {string} track */
  toggleHidden(track) {
    // From among what is shown alone, showing another one ends being alone.
    if (this.#solo !== null) this.#solo = null;
    else if (!this.#hidden.delete(track)) this.#hidden.add(track);
    this.#changed();
  }

  /** @param {string} track */
  toggleLocked(track) {
    if (!this.#locked.delete(track)) this.#locked.add(track);
    this.#changed();
  }

  /** @param {string | null} track alone on the screen; null shows the others again */
  showOnly(track) {
    this.#solo = track;
    this.#changed();
  }

  #changed() {
    this.store?.write(JSON.stringify({ hidden: [...this.#hidden], locked: [...this.#locked] }));
    this.emit("change");
  }
}
