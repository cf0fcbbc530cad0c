/** What engines propose and what was made of it. */

/**
 * @typedef {object} Proposal
 * @property {number} id
 * @property {"mask_track" | "segment"} kind
 * @property {number} number
 * @property {string} label label or action class key, may be empty
 * @property {number} confidence 0-1
 * @property {number} start
 * @property {number} end
 * @property {string} engine
 * @property {Record<string, any>} details
 * @property {string | null} verdict
 */

export class ProposalList {
  /** @type {Map<number, Proposal>} */
  #items = new Map();

  /** @param {number} [threshold] confidence from which a proposal is shown */
  constructor(threshold = 0.7) {
    this.threshold = threshold;
  }

  /** @param {Proposal[]} items */
  replace(items) {
    this.#items = new Map(items.map((item) => [item.id, item]));
  }

  /** @param {number | null} id */
  get(id) {
    return id === null ? undefined : this.#items.get(id);
  }

  get all() {
    return [...this.#items.values()];
  }

  /** Undecided ones at or above the threshold, the surest first. */
  get open() {
    return this.all
      .filter((item) => !item.verdict && item.confidence >= this.threshold)
      .sort((a, b) => b.confidence - a.confidence || a.start - b.start);
  }

  /** Undecided ones that the threshold hides, the surest first. */
  get below() {
    return this.all
      .filter((item) => !item.verdict && item.confidence < this.threshold)
      .sort((a, b) => b.confidence - a.confidence || a.start - b.start);
  }

  /** How many the threshold hides. */
  get hidden() {
    return this.below.length;
  }

  /** @param {number} frame */
  masksOn(frame) {
    return this.open.filter((item) => item.kind === "mask_track" && item.start <= frame && frame < item.end);
  }

  get segments() {
    return this.open.filter((item) => item.kind === "segment");
  }

  /**
   * @param {number} id
   * @param {string | null} verdict
   */
  decide(id, verdict) {
    const item = this.#items.get(id);
    if (item) this.#items.set(id, { ...item, verdict });
  }

  /**
   * @param {number} id
   * @param {string} label
   */
  relabel(id, label) {
    const item = this.#items.get(id);
    if (item) this.#items.set(id, { ...item, label });
  }
}
