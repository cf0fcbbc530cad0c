/** What proves and colours a decoded picture. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "../../frontend/static/js/models/crc32.js";
import { Stretch } from "../../frontend/static/js/models/stretch.js";
import { separateChroma, Turn, YuvToRgb } from "../../frontend/static/js/models/yuv.js";

const GREY = { y: [...Array(256).keys()], rv: zeros(), gu: zeros(), gv: zeros(), bu: zeros() };

function zeros() {
  return new Array(256).fill(0);
}

/** @param {number[]} bytes */
const ascii = (text) => new TextEncoder().encode(text);

test("the checksum is zip's, whatever the length", () => {
  assert.equal(crc32(ascii("")), 0);
  assert.equal(crc32(ascii("123456789")), 0xcbf43926);
  assert.equal(crc32(ascii("The quick brown fox jumps over the lazy dog")), 0x414fa339);
});

test("one changed byte anywhere changes the checksum", () => {
  const bytes = Uint8Array.from({ length: 101 }, (_, i) => i * 7);
  const before = crc32(bytes);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] ^= 1;
    assert.notEqual(crc32(bytes), before);
    bytes[i] ^= 1;
  }
});

test("luma and chroma add up and are clipped, each 2 x 2 pixels sharing their chroma", () => {
  const sums = { ...GREY, rv: zeros(), gu: zeros(), gv: zeros(), bu: zeros() };
  sums.rv[9] = 300;
  sums.gu[7] = -30;
  sums.gv[9] = 10;
  sums.bu[7] = -300;
  const planes = Uint8Array.of(50, 60, 70, 80, 7, 9); // Y of 2 x 2, U, V
  const out = new Int32Array(4);
  new YuvToRgb(sums).convert(planes, { width: 2, height: 2, layout: "I420" }, new Turn(2, 2, 0), out);
  const bytes = [...new Uint8Array(out.buffer)];
  assert.deepEqual(bytes, [255, 30, 0, 255, 255, 40, 0, 255, 255, 50, 0, 255, 255, 60, 0, 255]);
});

test("an odd width ends with half a chroma cell", () => {
  const planes = Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0, 0); // 3 x 2, chroma 2 x 1
  const out = new Int32Array(6);
  new YuvToRgb(GREY).convert(planes, { width: 3, height: 2, layout: "I420" }, new Turn(3, 2, 0), out);
  assert.deepEqual(
    [...out].map((pixel) => pixel & 255),
    [1, 2, 3, 4, 5, 6],
  );
});

test("4:2:2 has chroma in every row", () => {
  const sums = { ...GREY, rv: [...Array(256).keys()] };
  const planes = Uint8Array.of(0, 0, 0, 0, 1, 2, 30, 40); // 2 x 2, U 1 x 2, V 1 x 2
  const out = new Int32Array(4);
  new YuvToRgb(sums).convert(planes, { width: 2, height: 2, layout: "I422" }, new Turn(2, 2, 0), out);
  assert.deepEqual(
    [...out].map((pixel) => pixel & 255),
    [30, 30, 40, 40],
  );
});

test("a turned picture stands upright", () => {
  const planes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0); // 4 x 2
  const shown = (/** @type {number} */ clockwise) => {
    const turn = new Turn(4, 2, clockwise);
    const out = new Int32Array(8);
    new YuvToRgb(GREY).convert(planes, { width: 4, height: 2, layout: "I420" }, turn, out);
    return [turn.width, turn.height, [...out].map((pixel) => pixel & 255)];
  };
  assert.deepEqual(shown(0), [4, 2, [1, 2, 3, 4, 5, 6, 7, 8]]);
  assert.deepEqual(shown(90), [2, 4, [5, 1, 6, 2, 7, 3, 8, 4]]);
  assert.deepEqual(shown(180), [4, 2, [8, 7, 6, 5, 4, 3, 2, 1]]);
  assert.deepEqual(shown(270), [2, 4, [4, 8, 3, 7, 2, 6, 1, 5]]);
});

test("NV12's chroma is taken apart", () => {
  const planes = Uint8Array.of(9, 9, 9, 9, 1, 2, 3, 4);
  separateChroma(planes, 4);
  assert.deepEqual([...planes], [9, 9, 9, 9, 1, 3, 2, 4]);
});

/** @param {[number, number, string, boolean][]} packets frame, CRC-32, bytes, key */
function coded(start, end, packets) {
  const body = packets.map(([, , text]) => ascii(text));
  const words = [0x314b504c, start, end, packets.length];
  for (const [i, [frame, crc, , key]] of packets.entries()) {
    words.push(frame >>> 0, crc, body[i].length, key ? 1 : 0);
  }
  const bytes = new Uint8Array(4 * words.length + body.reduce((sum, one) => sum + one.length, 0));
  bytes.set(new Uint8Array(Uint32Array.from(words).buffer));
  let at = 4 * words.length;
  for (const one of body) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes.buffer;
}

test("a stretch tells frames, checksums and where decoding begins", () => {
  const stretch = new Stretch(
    coded(10, 14, [
      [-1, 0, "hidden", true],
      [10, 5, "a", true],
      [12, 6, "bcd", false],
      [11, 4294967295, "e", false],
      [13, 8, "f", true],
    ]),
  );
  assert.deepEqual(stretch.frames, [-1, 10, 12, 11, 13]);
  assert.equal(new TextDecoder().decode(stretch.packets[2]), "bcd");
  assert.equal(stretch.crc.get(11), 4294967295);
  assert.deepEqual(
    [10, 11, 12, 13].map((n) => stretch.beginFor(n)),
    [1, 1, 1, 4],
  );
  assert.deepEqual(
    [9, 10, 13, 14].map((n) => stretch.holds(n)),
    [false, true, true, false],
  );
});

test("what is no stretch is refused", () => {
  assert.throws(() => new Stretch(new ArrayBuffer(8)), /no packets/);
  assert.throws(() => new Stretch(new ArrayBuffer(64)), /no packets/);
});
