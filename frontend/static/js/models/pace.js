/** How an outbox asks again: later and with less after each failure, as before once something has come through. */

import { MOST } from "./outbox_batch.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;

export class Pace {
  #wait = 0;
  /** Writes in the next request: fewer after a failure, so that one that fails the server holds up no other. */
  #most = MOST;
  /** @type {(() => void) | null} */
  #wake = null;
  /** @type {(ms: number) => Promise<void>} */
  #pause;

  /** @param {(ms: number) => Promise<void>} [pause] */
  constructor(pause) {
    this.#pause = pause ?? ((ms) => new Promise((done) => setTimeout(done, ms)));
  }

  get most() {
    return this.#most;
  }

  wentWell() {
    this.#wait = 0;
    this.#most = Math.min(MOST, this.#most * 2);
  }

  /** Resolves when it is time to try again. */
  async failed() {
    this.#most = 1;
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2 || FIRST_WAIT);
    // Up to a fifth more or less, so that a room full of browsers does not come back all at once.
    const wait = this.#wait * (0.8 + Math.random() * 0.4);
    await Promise.race([this.#pause(wait), new Promise((done) => (this.#wake = () => done(undefined)))]);
  }

  /** Try now, and wait little after the next failure. */
  hurry() {
    this.#wait = 0;
    this.#wake?.();
  }

  /** A moment, after something that the next try may not meet again. */
  breathe() {
    return this.#pause(FIRST_WAIT);
  }
}
