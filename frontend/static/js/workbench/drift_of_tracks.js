/** How well each mask agrees with the next one along the flow, fetched for the ribbons under the tracks. */

import { get } from "../api.js";

/** @typedef {import("./bench.js").Bench} Bench */

const SETTLED = 1500; // ms after the last save

export class DriftOfTracks {
  /** @type {Map<string, Map<number, number>>} IoU by frame, by track */
  #tracks = new Map();
  /** @type {Set<string>} */
  #stale = new Set();
  #timer = 0;
  /** Why there is nothing; empty when there is. */
  reason = "";

  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
  }

  /** @param {string} track @returns {Map<number, number>} */
  of(track) {
    return this.#tracks.get(track) ?? new Map();
  }

  /** Fetch all, and from now on what saves have made stale. */
  async follow() {
    const { bench } = this;
    bench.outbox.on("saved", ({ entry }) => {
      if (entry.kind === "masks") this.#wilt(bench.work.get("masks", entry.id)?.track);
    });
    bench.on("carried", (track) => this.#wilt(track));
    const found = await get(`tasks/${bench.task.id}/drift/`).catch(() => null);
    if (!found) return;
    this.reason = found.reason;
    for (const [track, frames] of Object.entries(found.tracks)) this.#learn(track, frames);
    bench.emit("drift");
  }

  /** @param {string | undefined} track */
  #wilt(track) {
    if (!track) return;
    this.#stale.add(track);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), SETTLED);
  }

  async #refresh() {
    const { bench } = this;
    const stale = [...this.#stale];
    this.#stale.clear();
    for (const track of stale) {
      const found = await get(`tasks/${bench.task.id}/drift/?track=${track}`).catch(() => null);
      if (found) this.#learn(track, found.frames);
    }
    bench.emit("drift");
  }

  /**
   * @param {string} track
   * @param {Record<string, number>} frames
   */
  #learn(track, frames) {
    this.#tracks.set(track, new Map(Object.entries(frames).map(([frame, iou]) => [Number(frame), iou])));
  }
}
