// The rules for action segments, as the server is held to them: tests/annotation/test_grammar.py runs the same cases.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { broken } from "../../frontend/static/js/models/grammar.js";
import { framesSaid, framesShort } from "../../frontend/static/js/models/spoken.js";

const { cases } = JSON.parse(readFileSync(new URL("../grammar_cases.json", import.meta.url), "utf8"));

for (const { name, clock, rules, segments, broken: expected } of cases) {
  test(name, () => {
    const timeOf = (frame) => frame / 30 + (clock === "variable" && frame > 10 ? 0.5 : 0);
    assert.deepEqual(broken(segments, rules, timeOf), expected);
  });
}

test("each of two thousand segments gets its remark", () => {
  const [one] = cases.find((each) => each.name === "a segment has a class").segments;
  const many = Array.from({ length: 2000 }, (_, i) => ({ ...one, id: `${i}`, start: 10 * i, end: 10 * i + 10 }));
  const found = broken(many, [{ kind: "no_gap", level: "primitive", seconds: 0 }], (frame) => frame / 30);
  assert.equal(found.length, 2000);
});

test("ranges of frames are said with both ends, and one frame once", () => {
  assert.deepEqual([framesSaid(2, 5), framesSaid(5, 6)], ["frames 2 to 4", "frame 5"]);
  assert.deepEqual([framesShort(2, 5), framesShort(5, 6)], ["2–4", "5"]);
});
