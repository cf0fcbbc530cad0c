/** What a person has pointed at so far, what was answered, and what has to be said to correct it. */

import { Raster } from "./raster.js";
import { decode, encode } from "./rle.js";

/** @typedef {[number, number, 1 | 0]} Click x, y, whether it belongs */
/** @typedef {{box: [number, number, number, number], counts: string}} Patch a mask inside its box x, y, w, h */
/** @typedef {Patch & {confidence: number}} Candidate */
/** @typedef {{id: string, engine: string, candidates: Candidate[]}} Answer */
/** @typedef {{width: number, height: number}} Size */

/**
 * @param {Patch} patch
 * @param {Size} size of the picture
 * @returns {string | null} run lengths of the whole picture, null for an empty mask
 */
export function wholeCounts({ box: [x, y, w, h], counts }, { width, height }) {
  if (!w || !h) return null;
  const { bits } = decode(counts, w, h);
  const whole = new Uint8Array(width * height);
  for (let row = 0; row < h; row += 1) whole.set(bits.subarray(row * w, (row + 1) * w), (y + row) * width + x);
  return encode(whole, width, height, { x, y, w, h });
}

/**
 * @param {string} counts run lengths of the whole picture
 * @param {Size} size
 * @returns {Patch}
 */
export function patchOf(counts, { width, height }) {
  const raster = Raster.fromCounts(counts, width, height);
  const { x, y, w, h } = raster.box;
  if (!w || !h) return { box: [0, 0, 0, 0], counts: "" };
  const bits = new Uint8Array(w * h);
  for (let row = 0; row < h; row += 1) {
    const from = (y + row) * width + x;
    bits.set(raster.bits.subarray(from, from + w), row * w);
  }
  return { box: [x, y, w, h], counts: encode(bits, w, h, { x: 0, y: 0, w, h }) };
}

export class PromptSession {
  /** @type {Answer | null} */
  #answer = null;
  #chosen = 0;
  /** @type {string | null} whole counts of the candidate that was laid */
  #laid = null;

  /**
   * @param {string | null} track null until it has a mask
   * @param {number} frame
   * @param {Size} size of the picture
   */
  constructor(track, frame, size) {
    this.track = track;
    this.frame = frame;
    this.size = size;
    /** @type {number[] | null} */
    this.box = null;
    /** @type {Click[]} */
    this.points = [];
    /** @type {number[][]} further boxes x, y, w, h, and 1 when what is meant is like it, else 0 */
    this.examples = [];
  }

  get isEmpty() {
    return !this.box && !this.points.length;
  }

  /** What was pointed at, for the record of the mask. */
  get said() {
    const examples = this.examples.length ? { examples: this.examples.slice() } : {};
    return { box: this.box, points: this.points.slice(), ...examples };
  }

  get candidates() {
    return this.#answer?.candidates.length ?? 0;
  }

  /** Of the candidates, from 0. */
  get chosen() {
    return this.#chosen;
  }

  get engine() {
    return this.#answer?.engine ?? "";
  }

  get confidence() {
    return this.#answer?.candidates[this.#chosen]?.confidence ?? 0;
  }

  /**
   * What goes up. The mask that is corrected is named, unless somebody changed it since, or the server forgot it.
   *
   * @param {string | null} current the object's whole counts on this frame
   * @param {{travel?: number, forgotten?: boolean}} [more]
   * @returns {Record<string, any>}
   */
  body(current, { travel = 0, forgotten = false } = {}) {
    /** @type {Record<string, any>} */
    const body = { frame: this.frame };
    if (this.box) body.box = this.box;
    if (this.points.length) body.points = this.points;
    if (this.examples.length) body.examples = this.examples;
    if (travel) body.travel = travel;
    if (current && this.#answer && current === this.#laid && !forgotten) {
      body.previous = { answer: this.#answer.id, candidate: this.#chosen };
    } else if (current) {
      body.previous = patchOf(current, this.size);
    }
    return body;
  }

  /** @param {Answer} answer @returns {string | null} whole counts of its likeliest candidate */
  take(answer) {
    this.#answer = answer;
    return this.#lay(0);
  }

  /**
   * The next candidate, or the one before; after the last comes the first.
   *
   * @param {1 | -1} way
   * @param {string | null} current the object's whole counts on this frame
   * @returns {{counts: string | null} | null} null where there is none other, or the mask is no candidate any more
   */
  cycle(way, current) {
    if (this.candidates < 2 || current !== this.#laid) return null;
    return { counts: this.#lay((this.#chosen + way + this.candidates) % this.candidates) };
  }

  /** @param {number} at */
  #lay(at) {
    this.#chosen = at;
    const candidate = this.#answer?.candidates[at];
    this.#laid = candidate ? wholeCounts(candidate, this.size) : null;
    return this.#laid;
  }
}

/** Of several requests only the newest counts; one that is under way when another begins is given up. */
export class Newest {
  /** @type {AbortController | null} */
  #going = null;

  /** @returns {AbortController} */
  begin() {
    this.#going?.abort();
    this.#going = new AbortController();
    return this.#going;
  }

  /** @param {AbortController} one */
  isStill(one) {
    return this.#going === one;
  }

  giveUp() {
    this.#going?.abort();
    this.#going = null;
  }
}
