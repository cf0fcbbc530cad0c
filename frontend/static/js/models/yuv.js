/** Decoded planes to RGB, by the sums that the server read off its own converter: the same pixels as its pictures. */

/**
 * @typedef {object} Sums five tables of 256: R = y[Y] + rv[V], G = y[Y] + gu[U] + gv[V], B = y[Y] + bu[U], clipped
 * @property {number[]} y
 * @property {number[]} rv
 * @property {number[]} gu
 * @property {number[]} gv
 * @property {number[]} bu
 */

const LOWEST = -512; // no sum is lower, and none reaches 1024
const SUMS = 1536;

/** Where a pixel (x, y) of the coded picture lies in the upright one: base + x * across + y * down. */
export class Turn {
  /**
   * @param {number} width px, before turning
   * @param {number} height
   * @param {number} clockwise 0, 90, 180 or 270
   */
  constructor(width, height, clockwise) {
    const flat = clockwise % 180 === 0;
    this.width = flat ? width : height;
    this.height = flat ? height : width;
    const [base, across, down] = {
      0: [0, 1, width],
      90: [height - 1, height, -1],
      180: [width * height - 1, -1, -width],
      270: [(width - 1) * height, -height, 1],
    }[/** @type {0 | 90 | 180 | 270} */ (clockwise)];
    this.base = base;
    this.across = across;
    this.down = down;
  }
}

export class YuvToRgb {
  /** @param {Sums} sums */
  constructor(sums) {
    this.y = Int16Array.from(sums.y, (value) => value - LOWEST);
    this.rv = Int16Array.from(sums.rv);
    this.gu = Int16Array.from(sums.gu);
    this.gv = Int16Array.from(sums.gv);
    this.bu = Int16Array.from(sums.bu);
    // Clipped and moved to its byte in one look-up.
    const byte = (/** @type {number} */ shift) =>
      Int32Array.from({ length: SUMS }, (_, i) => Math.min(255, Math.max(0, i + LOWEST)) << shift);
    this.red = byte(0);
    this.green = byte(8);
    this.blue = byte(16);
  }

  /**
   * @param {Uint8Array} planes Y, then U, then V, rows without padding
   * @param {{width: number, height: number, layout: string}} shape layout "I420" or "I422"
   * @param {Turn} turn
   * @param {Int32Array} out a pixel an element, red in the lowest byte; as long as the picture
   */
  convert(planes, { width, height, layout }, turn, out) {
    const { y: luma, rv, gu, gv, bu, red, green, blue } = this;
    const finer = layout === "I420" ? 1 : 0;
    const half = (width + 1) >> 1;
    const u0 = width * height;
    const v0 = u0 + half * ((height + finer) >> finer);
    const { across } = turn;
    for (let row = 0; row < height; row += 1) {
      let at = row * width;
      let to = turn.base + row * turn.down;
      const chroma = (row >> finer) * half;
      for (let cell = 0; cell < half; cell += 1) {
        const u = planes[u0 + chroma + cell];
        const v = planes[v0 + chroma + cell];
        const r = rv[v];
        const g = gu[u] + gv[v];
        const b = bu[u];
        let y = luma[planes[at]];
        out[to] = red[y + r] | green[y + g] | blue[y + b] | -16777216;
        to += across;
        if (2 * cell + 1 < width) {
          y = luma[planes[at + 1]];
          out[to] = red[y + r] | green[y + g] | blue[y + b] | -16777216;
          to += across;
        }
        at += 2;
      }
    }
  }
}

/**
 * NV12 has U and V by turns; they are put one after the other, in place.
 *
 * @param {Uint8Array} planes
 * @param {number} luma bytes of the Y plane
 */
export function separateChroma(planes, luma) {
  const mixed = planes.slice(luma);
  const half = mixed.length >> 1;
  for (let i = 0; i < half; i += 1) {
    planes[luma + i] = mixed[2 * i];
    planes[luma + half + i] = mixed[2 * i + 1];
  }
}
