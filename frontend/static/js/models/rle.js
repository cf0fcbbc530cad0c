/**
 * COCO run lengths, packed as pycocotools packs them: column-major, zeros first, five bits a character, and from the
 * fourth run on the difference to the run two before. What is written here is byte for byte what the server would write.
 */

import { Turns } from "./turns.js";

/** @typedef {{x: number, y: number, w: number, h: number}} Box */

const LONGEST_RUN = 7; // characters of five bits
const ASCII = new TextDecoder("ascii");

/**
 * @param {ArrayLike<number>} runs run lengths, the first one counts zeros
 * @returns {string}
 */
export function pack(runs) {
  const codes = new Uint8Array(runs.length * LONGEST_RUN);
  let at = 0;
  for (let i = 0; i < runs.length; i += 1) {
    let value = i > 2 ? runs[i] - runs[i - 2] : runs[i];
    let more = true;
    while (more) {
      let bits = value & 0x1f;
      value >>= 5;
      more = bits & 0x10 ? value !== -1 : value !== 0;
      if (more) bits |= 0x20;
      codes[at] = bits + 48;
      at += 1;
    }
  }
  return ASCII.decode(codes.subarray(0, at));
}

/**
 * @param {string} counts
 * @returns {number[]} run lengths, the first one counts zeros
 */
export function unpack(counts) {
  /** @type {number[]} */
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    const [value, next] = readNumber(counts, at);
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
    at = next;
  }
  return runs;
}

/**
 * @param {string} counts
 * @param {number} at where a number begins
 * @returns {[number, number]} the number and where the next one begins
 */
function readNumber(counts, at) {
  let value = 0;
  for (let shift = 0; ; shift += 5) {
    if (at >= counts.length) throw new RangeError("The counts break off in the middle of a number.");
    const bits = counts.charCodeAt(at) - 48;
    if (bits < 0 || bits > 63) throw new RangeError(`The counts hold "${counts[at]}" at ${at}, which is not RLE.`);
    value |= (bits & 0x1f) << shift;
    at += 1;
    if (!(bits & 0x20)) return [bits & 0x10 ? value | (-1 << (shift + 5)) : value, at];
  }
}

/**
 * Rows are compared with the rows above them, four pixels at a time, because that is how they lie in memory; only where
 * they differ does a run begin or end. Sorted into columns these places are the runs.
 *
 * @param {Uint8Array} bits row-major, 0 or 1
 * @param {number} width
 * @param {number} height
 * @param {Box} box nothing is set outside of it; only this is looked at
 * @returns {string}
 */
export function encode(bits, width, height, box) {
  const turns = new Turns(bits, width, box);
  const bottom = box.y + box.h;
  if (box.y === 0 || bottom === height) addFirstRow(turns, height);
  if (box.y > 0) turns.addRow(box.y, box.y);
  for (let y = box.y + 1; y < bottom; y += 1) turns.addDifferences(y);
  if (bottom < height) turns.addRow(bottom - 1, bottom);
  return pack(turns.runs(height));
}

/**
 * A column that reached the last row goes on in the next one's first row.
 *
 * @param {Turns} turns of a box that reaches the picture's first row or its last
 * @param {number} height
 */
function addFirstRow(turns, height) {
  const { bits, width, box } = turns;
  const last = (height - 1) * width;
  for (let x = box.x; x <= Math.min(box.x + box.w, width - 1); x += 1) {
    const before = x > 0 ? bits[last + x - 1] : 0;
    if (before !== bits[x]) turns.add(x, 0);
  }
}

/**
 * @param {string} counts
 * @param {number} width
 * @param {number} height
 * @returns {{bits: Uint8Array, box: Box}} row-major bits and the tight box
 */
export function decode(counts, width, height) {
  const bits = new Uint8Array(width * height);
  const box = decodeInto(counts, width, height, bits);
  return { bits, box };
}

/**
 * @param {string} counts
 * @param {number} width
 * @param {number} height
 * @param {Uint8Array} bits cleared by the caller
 * @returns {Box} the tight box
 */
export function decodeInto(counts, width, height, bits) {
  let at = 0;
  let [left, top, right, bottom] = [width, height, 0, 0];
  unpack(counts).forEach((length, i) => {
    const end = at + length;
    if (length < 0 || end > width * height) throw new RangeError("The mask's runs do not fit the picture.");
    if (i % 2 === 1 && length > 0) {
      const [first, last] = [Math.floor(at / height), Math.floor((end - 1) / height)];
      left = Math.min(left, first);
      right = Math.max(right, last + 1);
      top = first === last ? Math.min(top, at - first * height) : 0;
      bottom = first === last ? Math.max(bottom, end - last * height) : height;
      markRun(bits, at, end, width, height);
    }
    at = end;
  });
  if (at !== width * height) {
    throw new RangeError(`The mask's runs add up to ${at} pixels, but the picture has ${width * height}.`);
  }
  if (right <= left) return { x: 0, y: 0, w: 0, h: 0 };
  const box = { x: left, y: top, w: right - left, h: bottom - top };
  fillDown(bits, width, box);
  return box;
}

/**
 * Mark in every column where a run begins and where it has ended.
 *
 * @param {Uint8Array} bits row-major
 * @param {number} from column-major place of the run's first pixel
 * @param {number} to of the first one after it
 * @param {number} width
 * @param {number} height
 */
function markRun(bits, from, to, width, height) {
  let x = Math.floor(from / height);
  for (let at = from; at < to; x += 1) {
    const end = Math.min(to, (x + 1) * height);
    bits[(at - x * height) * width + x] ^= 1;
    if (end < (x + 1) * height) bits[(end - x * height) * width + x] ^= 1;
    at = end;
  }
}

/**
 * Make marks into runs: every pixel is what the one above it is, unless it is marked.
 *
 * @param {Uint8Array} bits
 * @param {number} width
 * @param {Box} box of the pixels that will be set; the marks below it are taken off
 */
function fillDown(bits, width, { x, y, w, h }) {
  const height = bits.length / width;
  const last = Math.min(height - 1, y + h);
  if (width % 4 === 0 && bits.byteOffset % 4 === 0) {
    const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length >> 2);
    const [first, end, stride] = [x >> 2, (x + w + 3) >> 2, width >> 2];
    for (let row = y + 1; row <= last; row += 1) {
      for (let at = row * stride + first, to = row * stride + end; at < to; at += 1) words[at] ^= words[at - stride];
    }
    return;
  }
  for (let row = y + 1; row <= last; row += 1) {
    for (let at = row * width + x, to = at + w; at < to; at += 1) bits[at] ^= bits[at - width];
  }
}
