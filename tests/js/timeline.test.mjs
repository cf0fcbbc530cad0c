import assert from "node:assert/strict";
import { test } from "node:test";

import { TimeAxis } from "../../frontend/static/js/models/axis.js";
import { clusters, coveringIn, firstAfter, layRow } from "../../frontend/static/js/models/row_layout.js";
import {
  BoundaryMove,
  boundaryEdits,
  copies,
  fits,
  gaps,
  Impossible,
  merge,
  roomAt,
  split,
  WholeMove,
} from "../../frontend/static/js/models/segment_edits.js";
import { SignalTiles, TILE, tilesFor } from "../../frontend/static/js/models/signal_tiles.js";
import { SnapTargets } from "../../frontend/static/js/models/snapping.js";

const bounds = { start: 0, end: 100 };
const linked = { bounds, free: () => false, linked: true };
const alone = { ...linked, linked: false };

const made = (id, start, end, more = {}) => ({
  id,
  start,
  end,
  level: "primitive",
  action: "",
  phase: id,
  instructions: [],
  method: "manual",
  engine: "",
  ...more,
});
const task = (id, start, end) => made(id, start, end, { level: "task" });
const ranges = (changes) => Object.fromEntries(changes.map(({ segment, start, end }) => [segment.id, [start, end]]));
const after = (plan) => Object.fromEntries(plan.edits.map((edit) => [edit.id, edit.after]));
const numbered = () => {
  let n = 0;
  return () => `new${++n}`;
};

test("a boundary that two neighbours share moves for both, or alone when they are not linked", () => {
  const [a, b] = [made("a", 10, 20), made("b", 20, 30)];
  const both = new BoundaryMove([a, b], a, "end", linked);
  assert.deepEqual([both.low, both.high], [11, 29]);
  assert.deepEqual(ranges(both.at(both.settle(26))), { a: [10, 26], b: [26, 30] });
  assert.equal(both.settle(80), 29);
  const one = new BoundaryMove([a, b], a, "end", alone);
  assert.deepEqual([one.low, one.high, one.settle(26)], [11, 20, 20]);
  assert.deepEqual(ranges(one.at(15)), { a: [10, 15] });
});

test("the neighbour that gives way is written before the one that grows", () => {
  const [a, b] = [made("a", 10, 20), made("b", 20, 30)];
  const order = (to) => boundaryEdits(new BoundaryMove([a, b], a, "end", linked).at(to)).map(({ id }) => id);
  assert.deepEqual([order(26), order(14), order(20)], [["b", "a"], ["a", "b"], []]);
  const right = boundaryEdits(new WholeMove([a, b], [a, b], linked).at(5)).map(({ id }) => id);
  const left = boundaryEdits(new WholeMove([a, b], [a, b], linked).at(-5)).map(({ id }) => id);
  assert.deepEqual(
    [right, left],
    [
      ["b", "a"],
      ["a", "b"],
    ],
  );
});

test("a boundary stops at the next segment of its row, at the task's ends, and keeps a frame", () => {
  const [a, b] = [made("a", 10, 20), made("b", 30, 40)];
  const start = new BoundaryMove([a, b], b, "start", linked);
  assert.deepEqual([start.low, start.high], [20, 39]);
  const end = new BoundaryMove([a, b], b, "end", linked);
  assert.deepEqual([end.low, end.high], [31, 100]);
  const free = new BoundaryMove([a, b], b, "start", { ...linked, free: () => true });
  assert.equal(free.low, 0);
  const some = new BoundaryMove([a, b], b, "start", { ...linked, free: ({ id }) => id === "a" });
  assert.equal(some.low, 0);
});

test("an action stays in its task, and a task boundary never runs through an action", () => {
  const all = [task("t", 10, 50), made("a", 12, 30), made("b", 60, 70)];
  const [t, a, b] = all;
  assert.deepEqual(new BoundaryMove(all, a, "end", linked).high, 50);
  assert.deepEqual(new BoundaryMove(all, a, "start", linked).low, 10);
  assert.equal(new BoundaryMove(all, b, "start", linked).low, 50);
  const end = new BoundaryMove(all, t, "end", linked);
  assert.deepEqual(
    [end.settle(45), end.settle(28), end.settle(20), end.settle(62), end.settle(69)],
    [45, 30, 12, 60, 70],
  );
});

test("boundaries of both rows at one place move together when linked, and each its own way when not", () => {
  const all = [task("s", 0, 50), task("t", 50, 90), made("a", 40, 50), made("b", 50, 60)];
  const move = new BoundaryMove(all, all[2], "end", linked);
  assert.deepEqual(ranges(move.at(move.settle(55))), { a: [40, 55], s: [0, 55], t: [55, 90], b: [55, 60] });
  const one = new BoundaryMove(all, all[2], "end", alone);
  assert.deepEqual([one.low, one.high], [41, 50]);
  // Inwards the way is free although the task ends right here.
  assert.deepEqual(ranges(one.at(one.settle(45))), { a: [40, 45] });
});

test("a task moves with its actions and is stopped by what stands outside of it", () => {
  const all = [task("t", 20, 40), made("a", 22, 30), made("b", 45, 60)];
  const move = new WholeMove(all, [all[0]], linked);
  assert.deepEqual([move.least, move.most], [-20, 5]);
  assert.deepEqual(ranges(move.at(move.settle(9))), { t: [25, 45], a: [27, 35] });
  const inner = new WholeMove(all, [all[1]], linked);
  assert.deepEqual([inner.least, inner.most], [-2, 10]);
});

test("a split gives the second part a name of its own and leaves the proposal with the first", () => {
  const a = made("a", 10, 20, { method: "auto", proposal: 7 });
  const plan = split([a], [a], 15, numbered());
  const found = after(plan);
  assert.deepEqual([found.a.start, found.a.end, found.a.proposal, found.a.method], [10, 15, 7, "assisted"]);
  assert.deepEqual([found.new1.start, found.new1.end, found.new1.proposal], [15, 20, null]);
  assert.deepEqual(plan.select, ["new1"]);
  assert.throws(() => split([a], [a], 10, numbered()), Impossible);
  const t = task("t", 0, 40);
  assert.throws(() => split([t, a], [t], 15, numbered()), /middle of a/);
  assert.equal(split([t, a], [t, a], 15, numbered()).edits.length, 4);
});

test("a merge takes the neighbour in, keeps what was said, and deletes before it grows", () => {
  const [a, b, c] = [
    made("a", 10, 20, { action: "pick", phase: "" }),
    made("b", 20, 30, { action: "place", phase: "lift", instructions: ["Up"] }),
    made("c", 40, 50),
  ];
  const plan = merge([a, b, c], [a], 1);
  assert.deepEqual(
    plan.edits.map(({ id }) => id),
    ["b", "a"],
  );
  const found = after(plan);
  assert.equal(found.b.deleted, true);
  assert.deepEqual([found.a.start, found.a.end, found.a.action, found.a.phase], [10, 30, "pick", "lift"]);
  assert.deepEqual(found.a.instructions, ["Up"]);
  assert.deepEqual([after(merge([a, b, c], [b], -1)).b.start], [10]);
  assert.throws(() => merge([a, b, c], [c], 1), /no segment after/);
  assert.throws(() => merge([a, b, c], [a, c], 1), /lies between/);
  assert.equal(merge([a, b, c], [a, c, b], 1).edits.length, 3);
  assert.throws(() => merge([a, b, task("t", 20, 60)], [a], 1), /frame 20/);
});

test("copies go where there is room, and nowhere else", () => {
  const all = [made("a", 10, 20), made("b", 30, 40), task("t", 28, 45)];
  const up = copies(all, [all[0], all[1]], { level: "task", by: 0 }, linked, numbered());
  assert.deepEqual([up.select.length, up.left], [1, 1]);
  assert.deepEqual([up.edits[0].after.level, up.edits[0].after.start], ["task", 10]);
  const later = copies(all, [all[0]], { level: null, by: 40 }, linked, numbered());
  assert.deepEqual([later.edits[0].after.start, later.edits[0].after.method], [50, "manual"]);
  assert.equal(copies(all, [all[0]], { level: null, by: 95 }, linked, numbered()).left, 1);
  assert.equal(
    fits(all, made("x", 40, 50), () => false),
    false,
  );
});

test("a new segment finds room between its row's segments and the task boundaries", () => {
  const all = [made("a", 10, 20), made("b", 30, 40), task("t", 15, 28)];
  assert.deepEqual(roomAt(all, made("", 0, 1), 22, linked), { start: 20, end: 28 });
  assert.equal(roomAt(all, made("", 0, 1), 12, linked), null);
  assert.deepEqual(roomAt(all, task("", 0, 1), 50, linked), { start: 28, end: 100 });
});

test("gaps are where a row that has segments has none", () => {
  const all = [made("a", 10, 20), made("b", 20, 40), made("c", 35, 50), task("t", 0, 5)];
  assert.deepEqual(gaps(all, "primitive", bounds), [
    [0, 10],
    [50, 100],
  ]);
  assert.deepEqual(gaps([], "primitive", bounds), []);
});

test("the nearest target wins, a boundary before a motion at the same distance", () => {
  const targets = new SnapTargets([
    { frame: 30, why: "motion stops", rank: 2 },
    { frame: 10, why: "motion starts", rank: 2 },
    { frame: 12, why: "end of lift", rank: 1 },
  ]);
  assert.equal(targets.near(11, 3)?.why, "end of lift");
  assert.equal(targets.near(10.4, 3)?.why, "motion starts");
  assert.equal(targets.near(20, 3), null);
  assert.deepEqual([targets.next(12, 1)?.frame, targets.next(12, -1)?.frame, targets.next(30, 1)], [30, 10, null]);
});

test("a row shows bars where one can be held and a few blocks where not", () => {
  const row = Array.from({ length: 2000 }, (_, i) => made(`s${i}`, i * 54, i * 54 + 50));
  const axis = new TimeAxis(108000);
  axis.width = 1000;
  const how = { colourOf: () => "red", always: ({ id }) => id === "s7" };
  const far = layRow(row, axis, how);
  assert.deepEqual(
    far.bars.map(({ id }) => id),
    ["s7"],
  );
  assert.ok(far.blocks.length <= 1000);
  assert.equal(far.narrow.length, 2000);
  axis.zoom(1000, 500);
  const near = layRow(row, axis, how);
  assert.ok(near.bars.length >= 2 && near.bars.length < 5);
  assert.equal(firstAfter(row, 54), 1);
  assert.equal(coveringIn(row, 60)?.id, "s1");
  assert.equal(coveringIn(row, 52), undefined);
});

test("what would lie on each other is told together, at the first one's place", () => {
  const found = clusters([3, 4, 17, 18, 60], (x) => x, 15);
  assert.deepEqual(found, [
    { x: 3, items: [3, 4, 17] },
    { x: 18, items: [18] },
    { x: 60, items: [60] },
  ]);
});

test("the tiles of an axis have a value for every one or two pixels, and one a frame from near", () => {
  const axis = new TimeAxis(108000);
  axis.width = 1000;
  assert.deepEqual(tilesFor(axis), { step: 128, from: 0, to: 2 });
  axis.zoom(1e6, 0);
  assert.equal(tilesFor(axis).step, 1);
});

test("signals are asked for once, together, and coarse ones stand in until they come", async () => {
  const asked = [];
  const tiles = new SignalTiles(4000, async (request) => {
    asked.push(request);
    const length = Math.ceil((request.end - request.start) / request.step);
    const values = { low: Array(length).fill(request.step), high: Array(length).fill(request.step) };
    return Object.fromEntries(request.names.map((name) => [name, values]));
  });
  const axis = new TimeAxis(4000);
  axis.width = 1000;
  tiles.want(["a", "b"], axis);
  tiles.want(["a", "b"], axis);
  await Promise.resolve();
  assert.deepEqual(
    asked.map(({ start, end, step, names }) => [start, end, step, names.join()]),
    [
      [0, 2048, 4, "a,b"],
      [2048, 4000, 4, "a,b"],
    ],
  );
  axis.zoom(4, 0);
  const [standIn] = tiles.shown("a", axis);
  assert.deepEqual([standIn.step, standIn.start, tiles.shown("a", axis).length], [4, 0, 1]);
  tiles.want(["a"], axis);
  await Promise.resolve();
  assert.deepEqual(
    tiles.shown("a", axis).map(({ start, step }) => [start, step]),
    [
      [0, 1],
      [TILE, 1],
    ],
  );
});

test("an answer that does not come is asked for again", async () => {
  let calls = 0;
  const tiles = new SignalTiles(100, async () => {
    calls += 1;
    return null;
  });
  const axis = new TimeAxis(100);
  axis.width = 500;
  tiles.want(["a"], axis);
  await new Promise((done) => setTimeout(done));
  tiles.want(["a"], axis);
  assert.equal(calls, 2);
});
