// What tools do to masks beyond what a library can be compared with: who has a pixel, cutting, corners, merging.
import assert from "node:assert/strict";
import { test } from "node:test";

import { outline } from "../../frontend/static/js/models/contour.js";
import { cutAlong } from "../../frontend/static/js/models/cutting.js";
import { mergingEdits } from "../../frontend/static/js/models/merging.js";
import { Raster } from "../../frontend/static/js/models/raster.js";
import { isWithin, settle } from "../../frontend/static/js/models/taking.js";
import { ToolSettings } from "../../frontend/static/js/models/tool_settings.js";
import {
  inserted,
  moved,
  nearestEdge,
  nearestVertex,
  redrawn,
  removed,
  simplified,
  simplifiedRing,
} from "../../frontend/static/js/models/vertices.js";
import { Work } from "../../frontend/static/js/models/work.js";

const raster = (...rows) => new Raster(rows[0].length, rows.length, Uint8Array.from(rows.join(""), Number));
const drawn = ({ width, height, bits }) =>
  Array.from({ length: height }, (_, y) => bits.slice(y * width, (y + 1) * width).join(""));
const mask = (track, pixels, more = {}) => ({ id: `mask ${track}`, track, frame: 0, counts: pixels.counts, ...more });

test("painting takes the pixels from those behind and leaves those in front theirs", () => {
  const after = raster("11110", "11110");
  const behind = mask("behind", raster("00011", "00011"));
  const front = mask("front", raster("10000", "10000"));
  const settled = settle(null, after.counts, [
    { mask: behind, inFront: false },
    { mask: front, inFront: true },
  ]);
  assert.equal(settled.counts, raster("01110", "01110").counts);
  assert.equal(settled.covered, true);
  assert.deepEqual(settled.losers, [{ mask: behind, counts: raster("00001", "00001").counts }]);
});

test("what an object had before a stroke is not fought over again", () => {
  const before = raster("1100", "1100");
  const other = mask("other", raster("0110", "0110"));
  const settled = settle(before.counts, raster("1100", "1101").counts, [{ mask: other, inFront: false }]);
  assert.deepEqual([settled.losers, settled.covered], [[], false]);
});

test("an object that is covered wholly is erased on the frame", () => {
  const small = mask("small", raster("010", "000"));
  const settled = settle(null, raster("111", "111").counts, [{ mask: small, inFront: false }]);
  assert.deepEqual(settled.losers, [{ mask: small, counts: null }]);
});

test("painting only where something in front is leaves nothing", () => {
  const front = mask("front", raster("111", "111"));
  assert.equal(settle(null, raster("010", "000").counts, [{ mask: front, inFront: true }]).counts, null);
});

test("a whole object holds what is seen of it, or not", () => {
  assert.equal(isWithin(raster("010").counts, raster("110").counts), true);
  assert.equal(isWithin(raster("011").counts, raster("110").counts), false);
});

test("a cut from edge to edge makes two pieces that are the mask together", () => {
  const whole = raster("0000000", "0111110", "0111110", "0111110", "0000000");
  const pieces = cutAlong(whole, [
    [2.9, -1],
    [2.9, 6],
  ]);
  assert.equal(pieces.length, 2);
  assert.ok(pieces[0].area > pieces[1].area);
  assert.deepEqual(drawn(pieces[0].copy().unite(pieces[1])), drawn(whole));
  assert.equal(pieces[0].area + pieces[1].area, whole.area);
});

test("a diagonal cut does not leak between pixels that touch at a corner", () => {
  const whole = new Raster(40, 40);
  whole.fillRings(
    [
      [
        [5, 5],
        [35, 5],
        [35, 35],
        [5, 35],
      ],
    ],
    1,
  );
  for (const slope of [0.3, 0.7, 1, 1.6]) {
    const pieces = cutAlong(whole, [
      [20 - 30 / slope, -10],
      [20 + 30 / slope, 50],
    ]);
    assert.equal(pieces.length, 2, `slope ${slope}`);
    assert.equal(pieces[0].area + pieces[1].area, 900);
  }
});

test("a line that ends inside cuts nothing, and parts it does not touch stay with the largest", () => {
  const two = raster("0000000000", "1111100110", "1111100110", "0000000000");
  assert.equal(
    cutAlong(two, [
      [2.5, -1],
      [2.5, 1.2],
    ]).length,
    1,
  );
  const pieces = cutAlong(two, [
    [1.5, -1],
    [1.5, 5],
  ]);
  assert.equal(pieces.length, 2);
  assert.equal(pieces[0].has(7, 1), true);
});

test("corners are found, moved, added and removed without touching the ring they came from", () => {
  const rings = [
    [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
    ],
  ];
  assert.deepEqual(nearestVertex(rings, [9.5, 0.5], 2), { ring: 0, index: 1 });
  assert.equal(nearestVertex(rings, [5, 5], 2), null);
  assert.deepEqual(nearestEdge(rings, [0.5, 5], 2), { ring: 0, index: 4 });
  assert.equal(nearestEdge(rings, [0.5, 5], 2, false), null);
  assert.deepEqual(moved(rings, { ring: 0, index: 1 }, [20, 0])[0][1], [20, 0]);
  assert.deepEqual(inserted(rings, { ring: 0, index: 4 }, [0, 5])[0][4], [0, 5]);
  assert.equal(removed(rings, { ring: 0, index: 0 })[0].length, 3);
  assert.deepEqual(removed(removed(rings, { ring: 0, index: 0 }), { ring: 0, index: 0 }), []);
  assert.equal(rings[0].length, 4);
});

test("a simplified line stays within its tolerance", () => {
  const points = Array.from({ length: 200 }, (_, i) => [i, 20 * Math.sin(i / 15)]);
  const few = simplified(points, 0.5);
  assert.ok(few.length < 60);
  for (const [x, y] of points) assert.ok(nearestEdge([few], [x, y], 0.5 + 1e-9, false), `${x}, ${y}`);
});

const ellipse = () => {
  const made = new Raster(120, 90);
  for (let y = 0; y < 90; y += 1)
    for (let x = 0; x < 120; x += 1) {
      const [dx, dy] = [(x - 59.5) / 50, (y - 44.5) / 35];
      const [hx, hy] = [(x - 50) / 12, (y - 45) / 10];
      if (dx * dx + dy * dy < 1 && hx * hx + hy * hy > 1) made.bits[y * 120 + x] = 1;
    }
  return new Raster(120, 90, made.bits);
};
const cornersOf = (mask) =>
  outline(mask.bits, 120, 90, mask.box).map((flat) =>
    simplifiedRing(
      Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]),
      1,
    ),
  );

test("an outline opened as corners follows the mask with few of them, its hole included", () => {
  const mask = ellipse();
  const rings = cornersOf(mask);
  assert.equal(rings.length, 2);
  assert.ok(rings.flat().length < 60, `${rings.flat().length} corners`);
  const again = new Raster(120, 90);
  again.fillRings(rings, 1);
  const wrong = again.bits.reduce((sum, bit, i) => sum + Number(bit !== mask.bits[i]), 0);
  assert.ok(wrong < 0.05 * mask.area, `${wrong} of ${mask.area} px`);
});

test("moving a corner redraws the mask there and nowhere else", () => {
  const mask = ellipse();
  const rings = cornersOf(mask);
  assert.deepEqual(redrawn(mask, rings, rings, 1).counts, mask.counts);
  const right = rings[0].reduce((best, [x], i) => (x > rings[0][best][0] ? i : best), 0);
  const now = moved(rings, { ring: 0, index: right }, [118, 45]);
  const changed = redrawn(mask, rings, now, 1);
  assert.equal(changed.has(114, 45), true);
  for (let y = 0; y < 90; y += 1)
    for (let x = 0; x < 70; x += 1) assert.equal(changed.has(x, y), mask.has(x, y), `${x}, ${y}`);
});

const twoTracks = () => {
  const work = new Work();
  work.merge({
    tracks: [
      { id: "a", number: 1, label: "cup", z_order: 0 },
      { id: "b", number: 2, label: "cup", z_order: 0 },
    ],
    masks: [0, 1, 2].flatMap((frame) => [
      { ...mask("a", raster("1100")), id: `a${frame}`, frame, counts: frame === 1 ? null : raster("1100").counts },
      { ...mask("b", raster("0110")), id: `b${frame}`, frame },
    ]),
  });
  return work;
};

for (const [name, holds, frames] of [
  ["from a frame on", (frame) => frame >= 1, [0, 1, 2]],
  ["on all frames", () => true, [0, 1, 2]],
]) {
  test(`merging ${name} unites the masks, and the other object goes only with its last one`, () => {
    const work = twoTracks();
    const edits = mergingEdits(work, "a", ["b"], holds, () => "new");
    work.apply(edits);
    for (const frame of frames) {
      const found = work.maskOf("a", frame)?.counts;
      const before = frame === 1 ? null : raster("1100").counts;
      const expected = !holds(frame) ? before : frame === 1 ? raster("0110").counts : raster("1110").counts;
      assert.equal(found, expected, `frame ${frame}`);
    }
    assert.deepEqual(
      work.tracks.map(({ id }) => id),
      holds(0) ? ["a"] : ["a", "b"],
    );
    work.apply(edits.map(({ before, after, ...rest }) => ({ ...rest, before: after, after: before })).reverse());
    assert.equal(work.maskOf("b", 2)?.counts, raster("0110").counts);
  });
}

test("how a person likes the tools is kept, and what is kept wrongly is not believed", () => {
  const kept = new Map();
  const keeping = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const settings = new ToolSettings(keeping, "bob");
  settings.set("takes", false);
  settings.set("line", 9);
  assert.deepEqual(
    [new ToolSettings(keeping, "bob").get("takes"), new ToolSettings(keeping, "bob").get("line")],
    [false, 9],
  );
  assert.equal(new ToolSettings(keeping, "eve").get("takes"), true);
  kept.set("bob", '{"line": "thick", "takes": false}');
  assert.deepEqual(
    [new ToolSettings(keeping, "bob").get("line"), new ToolSettings(keeping, "bob").get("takes")],
    [4, false],
  );
});
