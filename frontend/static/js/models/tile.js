/** One mask as the pixels of its own box: what hundreds of objects are drawn from and hit by. It is never changed. */

import { outline } from "./contour.js";
import { unpack } from "./rle.js";

/** @typedef {import("./rle.js").Box} Box */

export class Tile {
  /**
   * @param {Box} box of the picture, tight
   * @param {Uint8Array} bits of the box, row-major, 0 or 1
   */
  constructor(box, bits) {
    this.reach = box;
    this.bits = bits;
    /** A row's length, and where the first pixel lies in the picture. */
    this.width = box.w;
    this.left = box.x;
    this.top = box.y;
    this.changes = 0;
  }

  /**
   * @param {string} counts of the whole picture
   * @param {number} width
   * @param {number} height
   */
  static fromCounts(counts, width, height) {
    const runs = unpack(counts);
    const box = boxOf(runs, width, height);
    const bits = new Uint8Array(box.w * box.h);
    const bottom = box.y + box.h;
    let at = 0;
    runs.forEach((length, i) => {
      if (i % 2 === 1) markRun(bits, box, at, at + length, height, bottom);
      at += length;
    });
    // Every pixel is what the one above it is, unless it was marked.
    for (let p = box.w; p < bits.length; p += 1) bits[p] ^= bits[p - box.w];
    return new Tile(box, bits);
  }

  /** @param {number} x @param {number} y of the picture */
  has(x, y) {
    const { x: left, y: top, w, h } = this.reach;
    return x >= left && y >= top && x < left + w && y < top + h && this.bits[(y - top) * w + x - left] === 1;
  }

  /** @returns {number[][]} closed rings in picture coordinates, as `outline` gives them */
  rings() {
    const { x, y, w, h } = this.reach;
    const rings = outline(this.bits, w, h, { x: 0, y: 0, w, h });
    for (const ring of rings) {
      for (let i = 0; i < ring.length; i += 2) {
        ring[i] += x;
        ring[i + 1] += y;
      }
    }
    return rings;
  }
}

/**
 * @param {number[]} runs
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
function boxOf(runs, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  let at = 0;
  runs.forEach((length, i) => {
    const end = at + length;
    if (length < 0 || end > width * height) throw new RangeError("The mask's runs do not fit the picture.");
    if (i % 2 === 1 && length > 0) {
      const [first, last] = [Math.floor(at / height), Math.floor((end - 1) / height)];
      left = Math.min(left, first);
      right = Math.max(right, last + 1);
      top = first === last ? Math.min(top, at - first * height) : 0;
      bottom = first === last ? Math.max(bottom, end - last * height) : height;
    }
    at = end;
  });
  return right > left ? { x: left, y: top, w: right - left, h: bottom - top } : { x: 0, y: 0, w: 0, h: 0 };
}

/**
 * Mark in every column where a run begins and where it has ended.
 *
 * @param {Uint8Array} bits
 * @param {Box} box
 * @param {number} from column-major place of the run's first pixel in the picture
 * @param {number} to of the first one after it
 * @param {number} height of the picture
 * @param {number} bottom of the box
 */
function markRun(bits, { x: left, y: top, w }, from, to, height, bottom) {
  for (let at = from, x = Math.floor(from / height); at < to; x += 1) {
    const [begin, end] = [at - x * height, Math.min(to - x * height, height)];
    bits[(begin - top) * w + x - left] ^= 1;
    if (end < bottom) bits[(end - top) * w + x - left] ^= 1;
    at = x * height + end;
  }
}
