import assert from "node:assert/strict";
import { test } from "node:test";
import { Newest, PromptSession, patchOf, wholeCounts } from "../../frontend/static/js/models/prompt_session.js";
import { Raster } from "../../frontend/static/js/models/raster.js";

const SIZE = { width: 40, height: 30 };

/** @param {[number, number][]} pixels */
function countsOf(pixels) {
  const raster = new Raster(SIZE.width, SIZE.height);
  for (const [x, y] of pixels) raster.sweep([x + 0.5, y + 0.5], [x + 0.5, y + 0.5], 1, 1);
  return raster.counts;
}

const first = countsOf([
  [3, 4],
  [5, 9],
  [39, 29],
]);
const second = countsOf([[3, 4]]);
const answer = {
  id: "abc",
  engine: "grabcut 2",
  candidates: [first, second].map((counts) => ({ ...patchOf(counts, SIZE), confidence: 0.5 })),
};

test("a mask is the same after it was cut to its box and laid out again", () => {
  for (const counts of [
    first,
    second,
    countsOf([
      [0, 0],
      [39, 0],
    ]),
  ]) {
    assert.equal(wholeCounts(patchOf(counts, SIZE), SIZE), counts);
  }
  assert.deepEqual(patchOf(second, SIZE), { box: [3, 4, 1, 1], counts: "01" });
  assert.equal(wholeCounts({ box: [0, 0, 0, 0], counts: "" }, SIZE), null);
});

test("a correction names the candidate that was laid and does not bring it", () => {
  const session = new PromptSession("track", 7, SIZE);
  session.points.push([3, 4, 1]);
  assert.deepEqual(session.body(null), { frame: 7, points: [[3, 4, 1]] });
  const laid = session.take(answer);
  assert.equal(laid, first);
  assert.deepEqual(session.body(laid).previous, { answer: "abc", candidate: 0 });
  assert.deepEqual(session.cycle(1, laid), { counts: second });
  assert.deepEqual(session.body(second, { travel: -1 }), {
    frame: 7,
    points: [[3, 4, 1]],
    travel: -1,
    previous: { answer: "abc", candidate: 1 },
  });
});

test("further examples go up and are kept with the mask, and nothing is said of none", () => {
  const session = new PromptSession(null, 2, SIZE);
  session.box = [1, 2, 8, 9];
  assert.deepEqual(session.said, { box: [1, 2, 8, 9], points: [] });
  session.examples.push([20, 3, 8, 9, 1], [30, 3, 5, 5, 0]);
  assert.deepEqual(session.body(null), {
    frame: 2,
    box: [1, 2, 8, 9],
    examples: [
      [20, 3, 8, 9, 1],
      [30, 3, 5, 5, 0],
    ],
  });
  assert.deepEqual(session.said.examples, session.examples);
});

test("a mask that was drawn on since, or that the server forgot, travels in its box", () => {
  const session = new PromptSession("track", 0, SIZE);
  const laid = session.take(answer);
  const other = countsOf([[10, 10]]);
  assert.deepEqual(session.body(other).previous, patchOf(other, SIZE));
  assert.deepEqual(session.body(laid, { forgotten: true }).previous, patchOf(first, SIZE));
});

test("candidates go round in both directions, until the mask is another one", () => {
  const session = new PromptSession("track", 0, SIZE);
  assert.equal(session.cycle(1, null), null);
  session.take(answer);
  assert.equal(session.cycle(-1, first)?.counts, second);
  assert.equal(session.cycle(-1, second)?.counts, first);
  assert.equal(session.cycle(1, countsOf([[1, 1]])), null);
});

test("a newer request gives up the older one", () => {
  const requests = new Newest();
  const old = requests.begin();
  const young = requests.begin();
  assert.equal(old.signal.aborted, true);
  assert.equal(requests.isStill(old), false);
  assert.equal(requests.isStill(young), true);
  requests.giveUp();
  assert.equal(young.signal.aborted, true);
});
