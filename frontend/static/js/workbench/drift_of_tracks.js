/** How well each mask agrees with the next one along the flow, fetched for the ribbons under the tracks. */

import { get } from "../api.js";

/** @typedef {import("./bench.js").Bench} Bench */

const SETTLED = 1500; // ms after the last save
// Masks a request, each compared with the next one: a quarter of a second of the server's work.
const AT_ONCE = 500;

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

  /** Fetch all, part by part, and from now on what saves have made stale. */
  async follow() {
    const { bench } = this;
    bench.outbox.on("saved", ({ entry }) => {
      if (entry.kind === "masks") this.#wilt(bench.work.get("masks", entry.id)?.track);
    });
    bench.on("carried", (track) => this.#wilt(track));
    for (const [start, end] of this.#parts()) {
      // What a person waits for goes before what is nice to know.
      await bench.outbox.drained();
      const found = await get(`tasks/${bench.task.id}/drift/?start=${start}&end=${end}`).catch(() => null);
      if (!found) return;
      this.reason = found.reason;
      for (const [track, frames] of Object.entries(found.tracks)) this.#learn(track, frames);
      bench.emit("drift");
      if (this.reason) return;
    }
  }

  /** The task in parts that are quickly worked out, those near the playhead first. @returns {[number, number][]} */
  #parts() {
    const { task, work, frame } = this.bench;
    const masks = work.countMasks();
    const length = Math.max(2, Math.floor((AT_ONCE * (task.end - task.start)) / Math.max(1, masks)));
    /** @type {[number, number][]} */
    const parts = [];
    for (let start = task.start; start < task.end; start += length) {
      parts.push([start, Math.min(start + length, task.end)]);
    }
    const away = (/** @type {[number, number]} */ [start, end]) => Math.abs((start + end) / 2 - frame);
    return parts.sort((a, b) => away(a) - away(b));
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
      if (!found) continue;
      this.#tracks.delete(track);
      this.#learn(track, found.frames);
    }
    bench.emit("drift");
  }

  /**
   * @param {string} track
   * @param {Record<string, number>} frames
   */
  #learn(track, frames) {
    const known = this.#tracks.get(track) ?? new Map();
    for (const [frame, iou] of Object.entries(frames)) known.set(Number(frame), iou);
    this.#tracks.set(track, known);
  }
}
