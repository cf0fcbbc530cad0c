// A mask in its own box is the same mask as in the whole picture, and what is drawn anew is where masks differ.
import assert from "node:assert/strict";
import { test } from "node:test";

import { around, meeting } from "../../frontend/static/js/models/boxes.js";
import { Raster } from "../../frontend/static/js/models/raster.js";
import { Recent } from "../../frontend/static/js/models/recent.js";
import { Tile } from "../../frontend/static/js/models/tile.js";
import { fromRows } from "../../frontend/static/js/models/work.js";
import { changedBetween } from "../../frontend/static/js/workbench/overlay.js";

const [width, height] = [23, 17];

/** Numbers that look like chance and are the same in every run. */
function* chance(seed) {
  let state = seed;
  for (;;) {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    yield state / 2 ** 31;
  }
}

/** A mask of some density right of and below some place. */
function anyMask(next) {
  const [density, left, top] = [next.next().value, next.next().value * width, next.next().value * height];
  const bits = Uint8Array.from({ length: width * height }, (_, at) =>
    at % width >= left && Math.floor(at / width) >= top && next.next().value < density ? 1 : 0,
  );
  return new Raster(width, height, bits);
}

test("a tile has the pixels, the box and the outline of the whole mask", () => {
  const next = chance(7);
  for (let n = 0; n < 200; n += 1) {
    const raster = anyMask(next);
    const tile = Tile.fromCounts(raster.counts, width, height);
    for (let y = -1; y <= height; y += 1)
      for (let x = -1; x <= width; x += 1) assert.equal(tile.has(x, y), raster.has(x, y), `${x}, ${y} of mask ${n}`);
    assert.deepEqual(tile.rings(), Raster.fromCounts(raster.counts, width, height).rings());
    if (!raster.isEmpty) assert.equal(meeting(tile.reach, raster.box)?.w, raster.box.w);
  }
});

test("a mask that fills the picture and an empty one are tiles too", () => {
  const full = new Raster(width, height, new Uint8Array(width * height).fill(1));
  assert.deepEqual(Tile.fromCounts(full.counts, width, height).reach, { x: 0, y: 0, w: width, h: height });
  assert.equal(Tile.fromCounts("", width, height).has(0, 0), false);
});

const layer = (x, more = {}) => {
  const raster = new Tile({ x, y: 2, w: 4, h: 4 }, new Uint8Array(16).fill(1));
  return { raster, changes: 0, colour: "#fff", opacity: 0.3, ...more };
};

test("only where a mask came, went or looks otherwise is drawn anew", () => {
  const [a, b, c] = [layer(0), layer(10), layer(20)];
  assert.equal(changedBetween([a, b], [a, b]).w, 0);
  assert.deepEqual(changedBetween([a, b], [a, b, c]), c.raster.reach);
  assert.deepEqual(changedBetween([a, b, c], [a, c]), b.raster.reach);
  assert.deepEqual(changedBetween([a, b], [a, { ...b, opacity: 0.5 }]), b.raster.reach);
  assert.deepEqual(changedBetween([a, b], [a, { ...b, changes: 3 }]), b.raster.reach);
  assert.deepEqual(changedBetween([a, b], [b, a]), around(a.raster.reach, { x: 0, y: 0, w: 0, h: 0 }));
});

test("what was used last stays while there is room for its weight", () => {
  const recent = new Recent(10, (value) => value);
  let made = 0;
  const ask = (key, weight) =>
    recent.get(key, () => {
      made += 1;
      return weight;
    });
  for (const [key, weight] of [
    ["a", 4],
    ["b", 4],
    ["a", 4],
    ["c", 4],
  ])
    ask(key, weight);
  assert.equal(made, 3);
  ask("a", 4);
  assert.equal(made, 3);
  ask("b", 4);
  assert.equal(made, 4);
  assert.equal(ask("huge", 99), 99);
  recent.forget("huge");
  recent.forget("never there");
  assert.equal(recent.has("huge"), false);
  for (const key of ["d", "e"]) ask(key, 4);
  assert.deepEqual([recent.has("d"), recent.has("e")], [true, true]);
});

test("masks that come as rows are the masks that come as things", () => {
  const columns = ["id", "counts", "outside"];
  const of = {
    t1: [
      ["m1", "abc", 0],
      ["m2", "", 1],
    ],
  };
  assert.deepEqual(fromRows({ version: 3, tracks: [], masks: { columns, of } }), {
    version: 3,
    tracks: [],
    masks: [
      { id: "m1", track: "t1", counts: "abc", outside: false },
      { id: "m2", track: "t1", counts: null, outside: true },
    ],
  });
});
