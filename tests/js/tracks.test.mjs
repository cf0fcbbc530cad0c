import assert from "node:assert/strict";
import { test } from "node:test";

import { dips, dipThreshold } from "../../frontend/static/js/models/drift.js";
import { chooseObjects, rowsInSight } from "../../frontend/static/js/models/object_list.js";
import { overlap } from "../../frontend/static/js/models/overlap.js";
import { Raster } from "../../frontend/static/js/models/raster.js";
import { laneOf, nextOf, stateAt } from "../../frontend/static/js/models/track_lane.js";
import { reverse } from "../../frontend/static/js/models/work.js";

const mask = (frame, more = {}) => ({
  id: `m${frame}`,
  track: "t",
  frame,
  counts: "x",
  occluded: false,
  method: "manual",
  engine: "",
  ...more,
});

test("a lane tells who made which masks, and cuts where that changes", () => {
  const lane = laneOf(
    [
      mask(3, { method: "propagated" }),
      mask(2, { keyframe: true }),
      mask(4, { method: "propagated", occluded: true }),
      mask(5, { method: "interpolated" }),
      mask(6, { method: "auto" }),
      mask(7, { method: "propagated", keyframe: true }),
    ],
    20,
  );
  assert.deepEqual(
    lane.runs.map(({ start, end, source, occluded }) => [start, end, source, occluded]),
    [
      [2, 3, "person", false],
      [3, 4, "propagated", false],
      [4, 5, "propagated", true],
      [5, 6, "interpolated", false],
      [6, 7, "model", false],
      [7, 8, "person", false],
    ],
  );
  assert.deepEqual(lane.keyframes, [2, 7]);
});

test("an object is outside from where it was said to its next mask, and missing where nobody said anything", () => {
  const gone = { counts: null, outside: true, keyframe: true };
  const lane = laneOf([mask(2), mask(5), mask(6, gone), mask(9), mask(12, gone), mask(10, { counts: null })], 20);
  assert.deepEqual(lane.missing, [
    [3, 5],
    [10, 12],
  ]);
  assert.deepEqual(lane.outside, [
    [6, 9],
    [12, 20],
  ]);
  assert.deepEqual(lane.keyframes, [6, 12]);
});

test("a lane says in words what it shows on a frame", () => {
  const masks = [
    mask(2, { keyframe: true, occluded: true }),
    mask(5, { method: "propagated" }),
    mask(6, { method: "assisted" }),
    mask(9, { counts: null, outside: true }),
  ];
  const said = [0, 2, 3, 5, 6, 7, 9, 19].map((frame) => stateAt(masks, frame, 20));
  assert.deepEqual(said, [
    "no mask",
    "made by hand, keyframe, occluded",
    "missing between two masks",
    "propagated from a keyframe",
    "made by a model",
    "missing between two masks",
    "outside of the picture",
    "outside of the picture",
  ]);
});

test("undoing a mask that was drawn where the object was outside says outside again", () => {
  const before = mask(3, { counts: null, outside: true });
  const undo = reverse({ kind: "masks", id: "m3", before, after: mask(3) });
  assert.equal(undo.after, before);
});

test("the next of some numbers lies strictly ahead", () => {
  assert.equal(nextOf([9, 2, 5], 2, 1), 5);
  assert.equal(nextOf([9, 2, 5], 9, -1), 5);
  assert.equal(nextOf([2], 2, 1), undefined);
});

test("a dip stands out of its own track, is below what everybody calls good, and is told once", () => {
  const steady = new Map(Array.from({ length: 20 }, (_, n) => [n, 0.95 + (n % 3) / 100]));
  assert.deepEqual(dips(steady), []);
  steady.set(7, 0.6).set(8, 0.4).set(9, 0.7);
  assert.deepEqual(dips(steady), [8]);
  const small = new Map(Array.from({ length: 20 }, (_, n) => [n, 0.7 + (n % 5) / 50]));
  assert.deepEqual(dips(small), []);
  assert.equal(dipThreshold([]), 0);
  assert.ok(dipThreshold([0.2, 0.3, 0.1]) >= 0.5);
});

test("the overlap of runs is the overlap of pixels", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 200; round += 1) {
    const [a, b] = [0, 1].map(() => {
      const raster = new Raster(13, 9);
      const [x, y] = [random() * 13, random() * 9];
      raster.fill(
        [
          [x - 4, y - 3],
          [x + 4, y - 3],
          [x + 3, y + 4],
        ],
        1,
      );
      return raster;
    });
    let [both, either] = [0, 0];
    for (let at = 0; at < 13 * 9; at += 1) {
      both += a.bits[at] & b.bits[at];
      either += a.bits[at] | b.bits[at];
    }
    const counts = (raster) => (raster.isEmpty ? null : raster.counts);
    const expected = either ? both / either : 1;
    assert.ok(Math.abs(overlap(counts(a), counts(b)) - expected) < 1e-12);
  }
});

test("objects are found by number and label, in the order that is asked for", () => {
  const tracks = [
    { id: "a", number: 2, label: "gripper", z_order: 0 },
    { id: "b", number: 12, label: "container", z_order: 3 },
    { id: "c", number: 1, label: "container", z_order: 0 },
  ];
  const ids = (wanted) => chooseObjects(tracks, wanted).map(({ id }) => id);
  assert.deepEqual(ids({}), ["c", "a", "b"]);
  assert.deepEqual(ids({ query: "cont 1" }), ["c", "b"]);
  assert.deepEqual(ids({ order: "front" }), ["b", "a", "c"]);
  assert.deepEqual(ids({ order: "label" }), ["c", "b", "a"]);
  assert.deepEqual(ids({ on: new Set(["a"]) }), ["a"]);
});

test("only rows in sight are made", () => {
  assert.deepEqual(rowsInSight({ count: 1000, height: 28, top: 2800, room: 280, spare: 2 }), [98, 112]);
  assert.deepEqual(rowsInSight({ count: 3, height: 28, top: 0, room: 280 }), [0, 3]);
});
