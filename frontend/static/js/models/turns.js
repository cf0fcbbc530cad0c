/** Where the runs of a mask begin and end: found row by row, as pixels lie in memory, needed column by column. */

/** @typedef {import("./rle.js").Box} Box */

export class Turns {
  /** Column and row of each turn, in the order in which they were found. */
  #places = new Int32Array(2048);
  #length = 0;
  /** @type {Int32Array} how many turns each column has, one place to the right */
  #inColumn;
  /** @type {Int32Array | null} four pixels at a time, where rows begin at whole words */
  #words;

  /**
   * @param {Uint8Array} bits row-major, 0 or 1
   * @param {number} width
   * @param {Box} box nothing is set outside of it
   */
  constructor(bits, width, box) {
    this.bits = bits;
    this.width = width;
    this.box = box;
    this.#inColumn = new Int32Array(box.w + 2);
    const aligned = width % 4 === 0 && bits.byteOffset % 4 === 0;
    this.#words = aligned ? new Int32Array(bits.buffer, bits.byteOffset, bits.length >> 2) : null;
  }

  /**
   * @param {number} x
   * @param {number} y ascending within a column
   */
  add(x, y) {
    this.#reserve(1);
    this.#write(x, y);
  }

  /**
   * A turn at every pixel set of a row.
   *
   * @param {number} row
   * @param {number} y where they turn
   */
  addRow(row, y) {
    const { bits, width, box } = this;
    this.#reserve(box.w);
    for (let x = box.x; x < box.x + box.w; x += 1) if (bits[row * width + x]) this.#write(x, y);
  }

  /** A turn wherever a row differs from the one above it. @param {number} y */
  addDifferences(y) {
    const { width, box } = this;
    const words = this.#words;
    this.#reserve(box.w + 8);
    if (!words) {
      this.#compare(box.x, box.x + box.w, y);
      return;
    }
    const stride = width >> 2;
    const end = (box.x + box.w + 3) >> 2;
    for (let w = box.x >> 2, at = y * stride + w; w < end; w += 1, at += 1) {
      const changed = words[at] ^ words[at - stride];
      if (!changed) continue;
      // The lowest byte is the leftmost pixel, on every machine that has a browser.
      if (changed & 0xff) this.#write(w * 4, y);
      if (changed & 0xff00) this.#write(w * 4 + 1, y);
      if (changed & 0xff0000) this.#write(w * 4 + 2, y);
      if (changed & 0xff000000) this.#write(w * 4 + 3, y);
    }
  }

  /**
   * @param {number} height
   * @returns {Int32Array} run lengths, zeros first
   */
  runs(height) {
    const next = this.#inColumn;
    const places = this.#places;
    const length = this.#length;
    for (let i = 1; i < next.length; i += 1) next[i] += next[i - 1];
    const runs = new Int32Array(length + 1);
    for (let i = 0; i < length; i += 1) {
      const x = places[2 * i];
      runs[next[x - this.box.x]++] = x * height + places[2 * i + 1];
    }
    runs[length] = this.width * height;
    for (let i = length; i > 0; i -= 1) runs[i] -= runs[i - 1];
    return runs;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {number} y
   */
  #compare(from, to, y) {
    const { bits, width } = this;
    for (let x = from, at = y * width + x; x < to; x += 1, at += 1) {
      if (bits[at] !== bits[at - width]) this.#write(x, y);
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #write(x, y) {
    this.#places[this.#length * 2] = x;
    this.#places[this.#length * 2 + 1] = y;
    this.#length += 1;
    this.#inColumn[x - this.box.x + 1] += 1;
  }

  /** @param {number} more */
  #reserve(more) {
    const needed = 2 * (this.#length + more);
    if (needed <= this.#places.length) return;
    const larger = new Int32Array(2 * needed);
    larger.set(this.#places);
    this.#places = larger;
  }
}
