/** Proposed masks by frame, fetched in stretches ahead of the playhead. */

import { get } from "../api.js";
import { Emitter } from "../models/emitter.js";

const STRETCH = 60; // frames a request
const KEPT = 12; // stretches

export class ProposalMasks extends Emitter {
  /** @type {Map<number, Map<number, Map<number, string>> | null>} stretch → frame → proposal → counts; null: on its way */
  #stretches = new Map();

  /** @param {{id: number, start: number, end: number}} task */
  constructor(task) {
    super();
    this.task = task;
  }

  /**
   * @param {number} proposal
   * @param {number} frame
   * @returns {string | undefined} counts
   */
  maskOf(proposal, frame) {
    return this.#stretches
      .get(Math.floor(frame / STRETCH))
      ?.get(frame)
      ?.get(proposal);
  }

  /** Whether the masks of a frame have come. @param {number} frame */
  has(frame) {
    return Boolean(this.#stretches.get(Math.floor(frame / STRETCH)));
  }

  /** @param {number} frame @param {1 | -1} direction */
  want(frame, direction) {
    const here = Math.floor(frame / STRETCH);
    for (const stretch of [here, here + direction]) {
      const start = stretch * STRETCH;
      if (start + STRETCH > this.task.start && start < this.task.end && start >= 0) this.#load(stretch);
    }
  }

  forget() {
    this.#stretches.clear();
  }

  /** @param {number} stretch */
  async #load(stretch) {
    if (this.#stretches.has(stretch)) return;
    this.#stretches.set(stretch, null);
    const start = stretch * STRETCH;
    try {
      const path = `tasks/${this.task.id}/proposals/masks/?start=${start}&end=${start + STRETCH}`;
      const body = await get(path);
      const frames = new Map();
      for (const [frame, masks] of Object.entries(body.frames)) {
        frames.set(Number(frame), new Map(masks.map((/** @type {any} */ mask) => [mask.proposal, mask.counts])));
      }
      this.#stretches.set(stretch, frames);
    } catch {
      // Asked for again when the playhead next comes by.
      this.#stretches.delete(stretch);
      return;
    }
    for (const old of this.#stretches.keys()) {
      if (this.#stretches.size <= KEPT) break;
      if (Math.abs(old - stretch) > 2) this.#stretches.delete(old);
    }
    this.emit("loaded", stretch);
  }
}
