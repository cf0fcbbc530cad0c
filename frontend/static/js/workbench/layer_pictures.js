/** One machine layer as pictures over the frames: fetched around the playhead, a few kept. */

import { get } from "../api.js";
import { Emitter } from "../models/emitter.js";

const KEPT = 24;
const AHEAD = 4;

/**
 * @typedef {object} Choice
 * @property {string} name
 * @property {string} title
 * @property {boolean} ready
 * @property {string} why why it can't be shown
 */

export class LayerPictures extends Emitter {
  /** @type {Map<number, ImageBitmap | null>} null: asked for, or not to be had */
  #held = new Map();
  /** @type {string} */
  #name = "";

  /** @param {number} clip */
  constructor(clip) {
    super();
    this.clip = clip;
    this.opacity = 0.6;
    /** @type {Choice[]} */
    this.choices = [];
  }

  get name() {
    return this.#name;
  }

  async load() {
    const [kinds, states] = await Promise.all([get("layers/"), get(`clips/${this.clip}/layers/`)]);
    /** @type {Map<string, any>} */
    const known = new Map(states.map((/** @type {any} */ state) => [state.layer, state]));
    this.choices = kinds
      .filter((/** @type {any} */ kind) => kind.has_overlay)
      .map((/** @type {any} */ kind) => {
        const state = known.get(kind.name)?.state ?? "";
        const why = state === "no_engine" || (!state && kind.no_engine) ? "no engine" : state || "not computed";
        return { name: kind.name, title: kind.title, ready: state === "done", why: state === "done" ? "" : why };
      });
    this.emit("choices");
  }

  /** @param {string} name a layer that is ready, or "" for none */
  choose(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#forget([...this.#held.keys()]);
    this.emit("chosen");
  }

  /** The next one that can be shown, then none. */
  cycle() {
    const names = ["", ...this.choices.filter(({ ready }) => ready).map(({ name }) => name)];
    this.choose(names[(names.indexOf(this.#name) + 1) % names.length]);
    return this.choices.find(({ name }) => name === this.#name)?.title ?? "";
  }

  /** @param {number} frame @returns {ImageBitmap | null} */
  get(frame) {
    return this.#held.get(frame) ?? null;
  }

  /**
   * @param {number} frame
   * @param {1 | -1} direction
   */
  want(frame, direction) {
    if (!this.#name || frame < 0) return;
    this.#forget([...this.#held.keys()].filter((n) => Math.abs(n - frame) > KEPT / 2));
    for (let step = 0; step <= AHEAD; step += 1) this.#fetch(frame + step * direction);
  }

  /** @param {number[]} frames */
  #forget(frames) {
    for (const frame of frames) {
      this.#held.get(frame)?.close();
      this.#held.delete(frame);
    }
  }

  /** @param {number} frame */
  async #fetch(frame) {
    if (frame < 0 || this.#held.has(frame)) return;
    const name = this.#name;
    this.#held.set(frame, null);
    try {
      const response = await fetch(`/api/clips/${this.clip}/layers/${name}/${frame}.png`);
      if (!response.ok) return;
      const bitmap = await createImageBitmap(await response.blob());
      if (name !== this.#name || !this.#held.has(frame)) bitmap.close();
      else {
        this.#held.set(frame, bitmap);
        this.emit("loaded", frame);
      }
    } catch {
      // Off line it is asked for again when the frame is next wanted.
      if (name === this.#name) this.#held.delete(frame);
    }
  }
}
