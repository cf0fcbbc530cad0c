import assert from "node:assert/strict";
import { test } from "node:test";

import { EditHistory } from "../../frontend/static/js/models/history.js";
import { standsAs } from "../../frontend/static/js/models/sameness.js";
import { reverse, Work } from "../../frontend/static/js/models/work.js";

/** What IndexedDB keeps, without IndexedDB. */
function storage() {
  const rows = new Map();
  let seq = 0;
  return {
    rows,
    load: async () => [...rows.values()].map((row) => structuredClone(row)),
    add: async (step) => {
      seq += 1;
      rows.set(seq, structuredClone({ ...step, seq }));
      return seq;
    },
    settle: async (gone, changed) => {
      for (const one of gone) rows.delete(one);
      for (const one of changed) rows.set(one.seq, structuredClone(one));
    },
  };
}

const mask = (id, counts, frame = 0) => ({ id, track: "t", frame, counts, occluded: false });
const edit = (id, before, after) => ({
  kind: "masks",
  id,
  before: before && mask(id, before),
  after: mask(id, after),
});
const workWith = (...masks) => {
  const work = new Work();
  work.merge({ tracks: [{ id: "t", number: 1, label: "cup" }], masks });
  return work;
};
const against = (work) => (thing, expected) => standsAs(work, thing, expected);

/** Another page of the same person on the same task. */
async function reloaded(history, kept) {
  await history.stored();
  const next = new EditHistory({ storage: kept });
  await next.restore();
  return next;
}

test("undo takes back the last step and redo brings it again", () => {
  const history = new EditHistory();
  history.push("one", [edit("a", null, "1")]);
  history.push("two", [edit("a", "1", "2")]);
  assert.equal(history.undo().title, "two");
  assert.equal(history.undoable, "one");
  assert.equal(history.redoable, "two");
  history.push("three", [edit("b", null, "3")]);
  assert.equal(history.redo(), undefined);
  assert.equal(history.undoable, "three");
});

test("the steps outlive the page, undone ones too", async () => {
  const kept = storage();
  const first = new EditHistory({ storage: kept });
  for (const [n, title] of ["one", "two", "three", "four"].entries()) {
    first.push(title, [edit("a", n ? String(n) : null, String(n + 1))]);
  }
  first.undo();
  first.undo();
  const second = await reloaded(first, kept);
  assert.equal(second.undoable, "two");
  assert.equal(second.redo().title, "three");
  assert.equal(second.redo().title, "four");
  for (const title of ["four", "three", "two", "one"]) assert.equal(second.undo().title, title);
  assert.equal(second.undo(), undefined);
});

test("a step begun after an undo ends what could be done again, on the next page too", async () => {
  const kept = storage();
  const first = new EditHistory({ storage: kept });
  first.push("one", [edit("a", null, "1")]);
  first.undo();
  first.push("two", [edit("b", null, "1")]);
  const second = await reloaded(first, kept);
  assert.deepEqual([second.undoable, second.redoable], ["two", null]);
});

test("what stands as it was left can be undone after a reload", async () => {
  const kept = storage();
  const first = new EditHistory({ storage: kept });
  first.push("one", [edit("a", null, "1")]);
  first.push("two", [edit("a", "1", "2")]);
  first.push("erase", [edit("b", "9", null)]);
  first.push("three", [edit("c", null, "7")]);
  first.undo();
  const second = await reloaded(first, kept);
  const dropped = second.reconcile(against(workWith(mask("a", "2"))));
  assert.equal(dropped.steps, 0);
  assert.equal(second.undoable, "erase");
  assert.equal(second.redoable, "three");
});

test("steps on what somebody else changed are dropped, with what hangs on them; others stay", () => {
  const history = new EditHistory();
  history.push("a1", [edit("a", null, "1")]);
  history.push("b1", [edit("b", null, "1")]);
  history.push("a2 and c1", [edit("a", "1", "2"), edit("c", null, "1")]);
  history.push("d1", [edit("d", null, "1")]);
  // c was changed: the step that made it goes, and a1 with it, for a's second state came with that step.
  const work = workWith(mask("a", "2", 0), mask("b", "1", 1), mask("c", "theirs", 2), mask("d", "1", 3));
  const { steps, things } = history.reconcile(against(work));
  assert.equal(steps, 2);
  assert.deepEqual(
    things.map(({ id }) => id),
    ["c"],
  );
  assert.deepEqual([history.undo().title, history.undo().title, history.undo()], ["d1", "b1", undefined]);
});

test("an undone step whose thing was drawn anew by somebody else is not done again", () => {
  const history = new EditHistory();
  history.push("one", [edit("a", null, "1")]);
  history.undo();
  assert.equal(history.reconcile(against(workWith(mask("a", "theirs")))).steps, 1);
  assert.equal(history.redoable, null);
});

test("the masks of an object that this person erased do not stand in the way", () => {
  const history = new EditHistory();
  const track = { id: "t", number: 1, label: "cup", z_order: 0 };
  history.push("draw", [edit("a", null, "1")]);
  history.push("erase", [{ kind: "tracks", id: "t", before: track, after: { ...track, deleted: true } }]);
  const work = new Work();
  assert.equal(history.reconcile(against(work)).steps, 0);
  assert.equal(history.undoable, "erase");
});

test("an acceptance can be undone while what it made is there, whatever became of it", () => {
  const history = new EditHistory();
  history.push("Accept 1 proposal", [], { proposals: [5], verdict: "accepted", label: "cup", made: [] });
  const step = history.learnMade([5], [{ kind: "tracks", id: "t" }]);
  assert.equal(step.title, "Accept 1 proposal");
  assert.equal(history.reconcile(against(workWith())).steps, 0);
  const work = new Work();
  assert.equal(history.reconcile(against(work)).steps, 1);
});

test("undoing every step in any order of undo and redo leaves what was there before", () => {
  let seed = 7;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  const history = new EditHistory();
  const work = workWith();
  const carryOut = (edits) => work.apply(edits);
  const back = () => carryOut((history.undo()?.edits ?? []).map(reverse).reverse());
  const again = () => carryOut(history.redo()?.edits ?? []);
  const draw = (round) => {
    const frame = random(5);
    const id = `m${frame}`;
    const after = mask(id, random(6) ? String(round) : null, frame);
    const edits = [{ kind: "masks", id, before: work.get("masks", id) ?? null, after }];
    history.push(String(round), edits);
    carryOut(edits);
  };
  for (let round = 0; round < 400; round += 1) {
    [back, again, draw, draw][random(4)](round);
    assert.equal(history.reconcile(against(work)).steps, 0);
  }
  while (history.undoable) back();
  for (let frame = 0; frame < 5; frame += 1) assert.equal(work.masksOn(frame).length, 0);
});

test("old steps go when there are too many, or they weigh too much", async () => {
  const kept = storage();
  const history = new EditHistory({ storage: kept, limit: 3 });
  for (const n of [1, 2, 3, 4, 5]) history.push(String(n), [edit("a", null, String(n))]);
  await history.stored();
  assert.equal(kept.rows.size, 3);
  const heavy = new EditHistory({ weight: 5000 });
  for (const n of [1, 2, 3]) heavy.push(String(n), [edit(`m${n}`, null, "x".repeat(2000))]);
  assert.deepEqual([heavy.undo().title, heavy.undo().title, heavy.undo()], ["3", "2", undefined]);
});
