import assert from "node:assert/strict";
import { test } from "node:test";

import { otherTone, phaseColour, placeOfPhase } from "../../frontend/static/js/models/bar_looks.js";

const row = (...colours) => colours.map((colour, n) => ({ id: n, start: 10 * n, end: 10 * n + 10, colour }));
const told = (...colours) => [...otherTone(row(...colours), ({ colour }) => colour)];

test("of one class that follows itself every second bar has the other tone", () => {
  assert.deepEqual(told("a", "a", "a", "a"), [1, 3]);
  assert.deepEqual(told("a", "b", "a", "b"), []);
  assert.deepEqual(told("a", "a", "b", "b", "b"), [1, 3]);
  assert.deepEqual(told(), []);
});

test("a phase's colour follows from its place among the phases", () => {
  const phases = [{ key: "approach" }, { key: "grasp" }, { key: "release" }];
  assert.deepEqual(
    ["approach", "grasp", "release", "", "unheard of"].map((key) => placeOfPhase(phases, key)),
    [0, 0.5, 1, null, null],
  );
  assert.equal(placeOfPhase([{ key: "all" }], "all"), 0);
  assert.match(phaseColour(0.5), /50%/);
});
