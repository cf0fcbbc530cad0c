/** Seconds that a person was at work: time between two signs of life, as long as they are not far apart. */
export class Activity {
  #sum = 0;
  /** @type {number | null} */
  #last = null;

  /** @param {number} [pause] seconds without a sign after which nobody is thought to be there */
  constructor(pause = 30) {
    this.pause = pause;
  }

  /** @param {number} now ms */
  touch(now) {
    if (this.#last !== null) {
      const gap = (now - this.#last) / 1000;
      if (gap <= this.pause) this.#sum += gap;
    }
    this.#last = now;
  }

  /** The seconds since this was last asked. */
  take() {
    const seconds = Math.round(this.#sum * 10) / 10;
    this.#sum = 0;
    return seconds;
  }
}
