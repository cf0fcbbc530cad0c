/**
 * One mask as pixels: what brush, eraser and polygon work on.
 *
 * Pixel (x, y) covers the square [x, x+1) x [y, y+1), its centre is (x+0.5, y+0.5), here as on the server.
 */

import { around } from "./boxes.js";
import { outline } from "./contour.js";
import { decode, encode } from "./rle.js";
import { sweptBy } from "./tip.js";

/** @typedef {import("./rle.js").Box} Box */
/** @typedef {[number, number]} Point */

/** @type {Box} */
const NOTHING = Object.freeze({ x: 0, y: 0, w: 0, h: 0 });

/**
 * Where a brush of `size` pixels sits when the pointer is at `point`: odd brushes on a pixel's centre, even ones on a
 * corner, so that one click always gives a symmetric disc of exactly that diameter.
 *
 * @param {Point} point
 * @param {number} size
 * @returns {Point}
 */
export function brushCentre(point, size) {
  const half = size % 2 === 1 ? 0.5 : 0;
  return [Math.round(point[0] - half) + half, Math.round(point[1] - half) + half];
}

/**
 * The first pixel at or after each place where an edge crosses a row of centres.
 *
 * @param {Point[][]} rings
 * @param {Box} box whose rows are looked at
 * @returns {number[][]} by row, in no order
 */
function crossings(rings, { y: top, h }) {
  /** @type {number[][]} */
  const rows = Array.from({ length: h }, () => []);
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 1) {
      let upper = ring[i];
      let lower = ring[(i + 1) % ring.length];
      // Always from the upper end to the lower, so that a shared edge gives both its polygons the very same crossing.
      if (upper[1] > lower[1]) [upper, lower] = [lower, upper];
      const first = Math.max(top, Math.ceil(upper[1] - 0.5));
      const end = Math.min(top + h, Math.ceil(lower[1] - 0.5));
      for (let row = first; row < end; row += 1) {
        const share = (row + 0.5 - upper[1]) / (lower[1] - upper[1]);
        rows[row - top].push(Math.ceil(upper[0] + share * (lower[0] - upper[0]) - 0.5));
      }
    }
  }
  return rows;
}

export class Raster {
  /** @type {Box} never smaller than the pixels set; may be larger after erasing */
  #reach;
  /** @type {number} the change after which `#reach` was made tight */
  #tight = -1;

  /**
   * @param {number} width
   * @param {number} height
   * @param {Uint8Array} [bits] row-major, 0 or 1
   * @param {Box} [reach]
   */
  constructor(width, height, bits, reach) {
    this.width = width;
    this.height = height;
    this.bits = bits ?? new Uint8Array(width * height);
    /** Where its first pixel lies in the picture. */
    this.left = 0;
    this.top = 0;
    this.#reach = reach ?? (bits ? { x: 0, y: 0, w: width, h: height } : NOTHING);
    /** Goes up with every change, so that what was made of the pixels can tell that it is old. */
    this.changes = 0;
  }

  /**
   * @param {string} counts
   * @param {number} width
   * @param {number} height
   */
  static fromCounts(counts, width, height) {
    const { bits, box } = decode(counts, width, height);
    return new Raster(width, height, bits, box);
  }

  get counts() {
    return encode(this.bits, this.width, this.height, this.box);
  }

  /** The tight box around the pixels set. */
  get box() {
    if (this.#tight === this.changes) return this.#reach;
    this.#tight = this.changes;
    const { x, y, w, h } = this.#reach;
    let [left, top, right, bottom] = [x + w, y + h, x, y];
    for (let row = y; row < y + h; row += 1) {
      const begin = row * this.width + x;
      const first = this.bits.indexOf(1, begin);
      if (first < 0 || first >= begin + w) continue;
      const last = this.bits.lastIndexOf(1, begin + w - 1);
      left = Math.min(left, first - begin + x);
      right = Math.max(right, last - begin + x + 1);
      top = Math.min(top, row);
      bottom = row + 1;
    }
    this.#reach = right > left ? { x: left, y: top, w: right - left, h: bottom - top } : NOTHING;
    return this.#reach;
  }

  /** A box that holds every pixel set; cheap, perhaps too large. */
  get reach() {
    return this.#reach;
  }

  get area() {
    let sum = 0;
    const { x, y, w, h } = this.#reach;
    for (let row = y; row < y + h; row += 1) {
      for (let at = row * this.width + x, end = at + w; at < end; at += 1) sum += this.bits[at];
    }
    return sum;
  }

  get isEmpty() {
    return this.box.w === 0;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  has(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height && this.bits[y * this.width + x] === 1;
  }

  /** @returns {number[][]} closed rings in picture coordinates, as `outline` gives them */
  rings() {
    return outline(this.bits, this.width, this.height, this.#reach);
  }

  copy() {
    return new Raster(this.width, this.height, this.bits.slice(), this.#reach);
  }

  /**
   * Everything that a brush sweeps over on its way from `from` to `to`.
   *
   * @param {Point} from brush centres, see `brushCentre`
   * @param {Point} to
   * @param {number} size the brush's diameter or side in pixels
   * @param {0 | 1} value
   * @param {import("./tip.js").TipShape} [shape]
   * @param {number} [fromSize] its size at `from`, where that is another
   * @returns {Box} what may have changed
   */
  sweep(from, to, size, value, shape = "round", fromSize = size) {
    const half = Math.max(size, fromSize) / 2;
    const dirty = this.#clip(
      Math.min(from[0], to[0]) - half,
      Math.min(from[1], to[1]) - half,
      Math.max(from[0], to[0]) + half,
      Math.max(from[1], to[1]) + half,
    );
    const covers = sweptBy(from, to, fromSize, size, shape);
    for (let y = dirty.y; y < dirty.y + dirty.h; y += 1) {
      for (let x = dirty.x, at = y * this.width + x; x < dirty.x + dirty.w; x += 1, at += 1) {
        if (this.bits[at] !== value && covers(x + 0.5, y + 0.5)) this.bits[at] = value;
      }
    }
    return this.#touched(dirty, value);
  }

  /**
   * Everything within `size` / 2 of a line of several points: a cable of that thickness.
   *
   * @param {Point[]} points
   * @param {number} size
   * @param {0 | 1} value
   * @returns {Box} what may have changed
   */
  chain(points, size, value) {
    let dirty = points.length === 1 ? this.sweep(points[0], points[0], size, value) : NOTHING;
    for (let i = 1; i < points.length; i += 1) {
      dirty = around(dirty, this.sweep(points[i - 1], points[i], size, value));
    }
    return dirty;
  }

  /**
   * Fill a polygon by the pixel-centre, even-odd rule; a centre on a left or upper edge is inside.
   *
   * @param {Point[]} points
   * @param {0 | 1} value
   * @returns {Box} what may have changed
   */
  fill(points, value) {
    return this.fillRings([points], value);
  }

  /**
   * Fill rings by the even-odd rule over all of them together, so that holes are rings too.
   *
   * @param {Point[][]} rings
   * @param {0 | 1} value
   * @returns {Box} what may have changed
   */
  fillRings(rings, value) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of rings.flat()) {
      [left, top] = [Math.min(left, x), Math.min(top, y)];
      [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
    }
    const dirty = left <= right ? this.#clip(left, top, right, bottom) : NOTHING;
    const rows = crossings(rings, dirty);
    for (let i = 0; i < rows.length; i += 1) {
      const row = rows[i].sort((a, b) => a - b);
      const begin = (dirty.y + i) * this.width;
      for (let k = 0; k + 1 < row.length; k += 2) {
        const [first, end] = [Math.max(0, row[k]), Math.min(this.width, row[k + 1])];
        if (end > first) this.bits.fill(value, begin + first, begin + end);
      }
    }
    return this.#touched(dirty, value);
  }

  /**
   * Give back what was just gained of pixels that are somebody else's.
   *
   * @param {Box} dirty where something was gained
   * @param {Uint8Array} theirs row-major, 1 where a pixel is not to be gained
   * @param {Uint8Array} before
   * @returns {boolean} whether there was any
   */
  withhold({ x, y, w, h }, theirs, before) {
    let any = false;
    for (let row = y; row < y + h; row += 1) {
      for (let at = row * this.width + x, end = at + w; at < end; at += 1) {
        if (!theirs[at] || before[at] || !this.bits[at]) continue;
        this.bits[at] = 0;
        any = true;
      }
    }
    this.changes += 1;
    return any;
  }

  /** @param {Raster} other */
  unite(other) {
    for (let i = 0; i < this.bits.length; i += 1) this.bits[i] |= other.bits[i];
    this.#reach = around(this.#reach, other.reach);
    this.changes += 1;
    return this;
  }

  /**
   * @param {number} left
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   * @returns {Box}
   */
  #clip(left, top, right, bottom) {
    const x = Math.max(0, Math.floor(left));
    const y = Math.max(0, Math.floor(top));
    const w = Math.min(this.width, Math.ceil(right)) - x;
    const h = Math.min(this.height, Math.ceil(bottom)) - y;
    return w > 0 && h > 0 ? { x, y, w, h } : NOTHING;
  }

  /**
   * @param {Box} dirty
   * @param {0 | 1} value
   */
  #touched(dirty, value) {
    if (value) this.#reach = around(this.#reach, dirty);
    this.changes += 1;
    return dirty;
  }
}
