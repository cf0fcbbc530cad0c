// What is suggested for a segment: sentences of engines by the proposal that it is about, then the project's templates.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, offers } from "../../frontend/static/js/models/instructions.js";

const PICK = { key: "pick", templates: ["Pick up the {object}", "Take it"] };
const ABOUT = { action: PICK, phase: undefined, object: "cup", hand: "" };

const proposal = (id, start, end, details = {}, label = "pick") => ({
  id,
  kind: "segment",
  number: id,
  label,
  confidence: 0.8,
  start,
  end,
  engine: "motion 3",
  details: { level: "primitive", descriptions: [`Do ${id}`, "take it."], ...details },
  verdict: "accepted",
});

test("a segment is about the proposal of its level that it shares most with, and at least half", () => {
  const [wide, near, task] = [proposal(1, 0, 40), proposal(2, 8, 20), proposal(3, 10, 20, { level: "task" })];
  const all = [wide, near, task, { ...proposal(4, 10, 20), kind: "mask_track" }];
  const segment = { start: 10, end: 20, level: "primitive" };
  assert.equal(nearest(segment, all), near);
  assert.equal(nearest(segment, [wide, task]), undefined);
  assert.equal(nearest({ ...segment, level: "task" }, all), task);
  assert.equal(nearest({ ...segment, start: 30, end: 50 }, all), undefined);
});

test("an engine's sentences come first, each once, with who wrote them", () => {
  const found = offers(ABOUT, ["Do 7!"], proposal(2, 0, 9, { described_by: "gemini, segment-1" }));
  assert.deepEqual(found.slice(0, 3), [
    { text: "Do 2", by: "gemini, segment-1" },
    { text: "take it.", by: "gemini, segment-1" },
    { text: "Pick up the cup", by: "" },
  ]);
  assert.equal(found.filter(({ text }) => /take it/i.test(text)).length, 1);
  assert.equal(offers(ABOUT, ["do 2"], proposal(2, 0, 9))[0].text, "take it.");
  assert.equal(offers(ABOUT, [], proposal(2, 0, 9))[0].by, "motion 3");
});

test("a proposal of another class or phase comes after the templates, and one without words changes nothing", () => {
  const found = offers(ABOUT, [], proposal(2, 0, 9, {}, "push"));
  assert.equal(found[0].text, "Pick up the cup");
  assert.ok(found.some(({ text }) => text === "Do 2"));
  const lifting = { ...ABOUT, phase: { key: "lift", templates: [] } };
  assert.equal(offers(lifting, [], proposal(2, 0, 9, { phase: "place" }))[0].by, "");
  assert.equal(offers(lifting, [], proposal(2, 0, 9, { phase: "lift" }))[0].text, "Do 2");
  const none = offers(ABOUT, [], undefined);
  assert.deepEqual(none, offers(ABOUT, [], { ...proposal(2, 0, 9), details: {} }));
  assert.ok(none.every(({ by }) => by === ""));
});
