/** Masks as run lengths: column-major, zeros first. What hundreds of objects are compared by, without decoding one. */

/** @typedef {ArrayLike<number>} Runs */

/**
 * The pixels that `keep` says, of two masks of the same picture.
 *
 * @param {Runs} a
 * @param {Runs} b
 * @param {(inA: boolean, inB: boolean) => boolean} keep of (false, false) it must say false
 * @returns {number[]} the shortest runs that say it
 */
export function combine(a, b, keep) {
  const [left, right] = [new Walk(a), new Walk(b)];
  /** @type {number[]} */
  const runs = [];
  let value = false;
  let length = 0;
  while (!left.done && !right.done) {
    const step = Math.min(left.left, right.left);
    const next = keep(left.isSet, right.isSet);
    if (next !== value) {
      runs.push(length);
      length = 0;
      value = next;
    }
    length += step;
    left.go(step);
    right.go(step);
  }
  runs.push(length);
  return runs;
}

/** Where one is in a mask that is walked run by run; never in an empty run. */
class Walk {
  #at = 0;

  /** @param {Runs} runs */
  constructor(runs) {
    this.runs = runs;
    this.left = runs[0] ?? 0;
    this.#skip();
  }

  get done() {
    return this.#at >= this.runs.length;
  }

  get isSet() {
    return this.#at % 2 === 1;
  }

  /** @param {number} step no more than is left of this run */
  go(step) {
    this.left -= step;
    this.#skip();
  }

  #skip() {
    while (this.left === 0 && !this.done) {
      this.#at += 1;
      this.left = this.runs[this.#at] ?? 0;
    }
  }
}

/** @param {Runs} a @param {Runs} b */
export const union = (a, b) => combine(a, b, (inA, inB) => inA || inB);

/** @param {Runs} a @param {Runs} b */
export const minus = (a, b) => combine(a, b, (inA, inB) => inA && !inB);

/** @param {Runs} a @param {Runs} b */
export const common = (a, b) => combine(a, b, (inA, inB) => inA && inB);

/** @param {Runs} runs @returns {number} px set */
export function areaOf(runs) {
  let sum = 0;
  for (let i = 1; i < runs.length; i += 2) sum += runs[i];
  return sum;
}

/**
 * @param {Runs} runs
 * @returns {[number, number]} column-major place of the first pixel set, and of the first after the last; [0, 0] if none
 */
export function spanOf(runs) {
  if (runs.length < 2) return [0, 0];
  let end = 0;
  for (let i = 0; i < runs.length - (runs.length % 2); i += 1) end += runs[i];
  return [runs[0], end];
}

/**
 * Whether two masks share no column-major stretch at all: a quick no, for most of a hundred objects.
 *
 * @param {[number, number]} a
 * @param {[number, number]} b
 */
export const apart = (a, b) => a[1] <= b[0] || b[1] <= a[0];
