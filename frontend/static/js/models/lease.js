/** Keeping a task in hand: signs of life, and none that could meet a request that gives the task away. */
export class Lease {
  /** @type {Promise<unknown>} the sign of life under way, if there is one */
  #beating = Promise.resolve();
  #resting = false;

  /** @param {() => Promise<unknown>} send one sign of life; never rejects */
  constructor(send) {
    this.send = send;
  }

  /** A sign of life, unless none is wanted now. */
  async beat() {
    if (this.#resting) return;
    this.#beating = this.send();
    await this.#beating;
  }

  /**
   * Give the task away. The server would call one that comes after it somebody else's, so the last one, which tells the
   * time worked until now, is answered before and there are no others meanwhile.
   *
   * @param {() => Promise<T>} deed
   * @returns {Promise<T>}
   * @template T
   */
  async giveAway(deed) {
    this.#resting = true;
    try {
      await this.#beating;
      await this.send();
      return await deed();
    } finally {
      this.#resting = false;
    }
  }
}
