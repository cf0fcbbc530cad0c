// The browser's masks are the server's, byte for byte. geometry.json is what annotation/geometry makes of the same input
// (test_geometry.py holds it to that).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { outline } from "../../frontend/static/js/models/contour.js";
import { brushCentre, Raster } from "../../frontend/static/js/models/raster.js";
import { decode, pack, unpack } from "../../frontend/static/js/models/rle.js";

const golden = JSON.parse(readFileSync(new URL("geometry.json", import.meta.url), "utf8"));

const bitsOf = (pixels) => Uint8Array.from(pixels.join(""), Number);
const drawn = (raster) => {
  const rows = [];
  for (let y = 0; y < raster.height; y += 1)
    rows.push([...raster.bits.slice(y * raster.width, (y + 1) * raster.width)].join(""));
  return rows;
};

test("a long stroke on a picture of 1280 x 720 is sent in less than 5 kB", () => {
  const raster = new Raster(1280, 720);
  for (let n = 0; n < 40; n += 1) {
    const at = (k) => [20 + 31 * k, 360 + 300 * Math.sin(k / 3)];
    raster.sweep(at(n), at(n + 1), 40, 1);
  }
  assert.ok(raster.counts.length < 4500, `${raster.counts.length} bytes`);
});

for (const { name, size, pixels, counts } of golden.masks) {
  const [height, width] = size;
  test(`it packs ${name} as pycocotools does`, () => {
    assert.equal(new Raster(width, height, bitsOf(pixels)).counts, counts);
  });
  test(`it reads ${name} back`, () => {
    assert.deepEqual(drawn(Raster.fromCounts(counts, width, height)), pixels);
    assert.equal(pack(unpack(counts)), counts);
  });
}

for (const { size, centre, radius, counts } of golden.discs) {
  test(`it packs a disc on ${size[1]} x ${size[0]} as pycocotools does`, () => {
    const [height, width] = size;
    const raster = new Raster(width, height);
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1)
        if ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius ** 2) raster.bits[y * width + x] = 1;
    const whole = new Raster(width, height, raster.bits);
    assert.equal(whole.counts, counts);
    assert.equal(Raster.fromCounts(counts, width, height).counts, counts);
  });
}

for (const { ring, pixels } of golden.polygons) {
  test(`it fills the polygon ${JSON.stringify(ring)} as the server does`, () => {
    const raster = new Raster(8, 5);
    raster.fill(ring, 1);
    assert.deepEqual(drawn(raster), pixels);
  });
}

test("it refuses counts of another size", () => {
  assert.throws(() => decode(golden.masks[0].counts, 5, 5), /add up to 12 pixels, but the picture has 25/);
});

test("it refuses counts that break off", () => {
  assert.throws(() => unpack("o"), /break off/);
});

test("one click of a brush is a disc of its diameter", () => {
  const one = new Raster(7, 7);
  one.sweep(brushCentre([3.2, 3.9], 1), brushCentre([3.2, 3.9], 1), 1, 1);
  assert.deepEqual([one.area, one.box], [1, { x: 3, y: 3, w: 1, h: 1 }]);
  const five = new Raster(7, 7);
  five.sweep(brushCentre([3.5, 3.5], 5), brushCentre([3.5, 3.5], 5), 5, 1);
  assert.deepEqual(drawn(five), ["0000000", "0011100", "0111110", "0111110", "0111110", "0011100", "0000000"]);
  const four = new Raster(6, 6);
  four.sweep(brushCentre([3.1, 2.9], 4), brushCentre([3.1, 2.9], 4), 4, 1);
  assert.deepEqual(drawn(four), ["000000", "001100", "011110", "011110", "001100", "000000"]);
});

test("a fast stroke leaves no gap and an eraser takes the same pixels away", () => {
  const raster = new Raster(40, 20);
  raster.sweep([2.5, 2.5], [37.5, 17.5], 3, 1);
  assert.ok(raster.area > 100);
  for (let x = 2; x < 38; x += 1) {
    let any = 0;
    for (let y = 0; y < 20; y += 1) any |= raster.bits[y * 40 + x];
    assert.equal(any, 1, `column ${x}`);
  }
  raster.sweep([2.5, 2.5], [37.5, 17.5], 3, 0);
  assert.ok(raster.isEmpty);
  assert.equal(raster.counts, pack([800]));
});

test("a stroke over the edge of the picture stays inside it", () => {
  const raster = new Raster(4, 4);
  const dirty = raster.sweep([0, 0], [-9, -9], 4, 1);
  assert.deepEqual(dirty, { x: 0, y: 0, w: 2, h: 2 });
  assert.equal(raster.has(-1, 0), false);
});

test("the outline runs along the pixels' edges, holes included", () => {
  const raster = new Raster(5, 5);
  raster.fill(
    [
      [0, 0],
      [5, 0],
      [5, 5],
      [0, 5],
    ],
    1,
  );
  raster.sweep([2.5, 2.5], [2.5, 2.5], 1, 0);
  const rings = outline(raster.bits, 5, 5, raster.box);
  assert.equal(rings.length, 2);
  // Filled again by the even-odd rule, the rings are the mask.
  const again = new Raster(5, 5);
  const points = (ring) => ring.flatMap((_, i) => (i % 2 ? [] : [[ring[i], ring[i + 1]]]));
  again.fill(points(rings[0]), 1);
  again.fill(points(rings[1]), 0);
  assert.deepEqual(again.bits, raster.bits);
});

test("the outline of noise encloses exactly its pixels", () => {
  for (const { size, pixels } of golden.masks) {
    const raster = new Raster(size[1], size[0], bitsOf(pixels));
    const rings = outline(raster.bits, size[1], size[0], raster.box);
    let twice = 0;
    for (const ring of rings)
      for (let i = 0; i < ring.length; i += 2) {
        const [x, y] = [ring[i], ring[i + 1]];
        const [nx, ny] = [ring[(i + 2) % ring.length], ring[(i + 3) % ring.length]];
        twice += x * ny - nx * y;
      }
    assert.equal(twice / 2, raster.area);
  }
});
