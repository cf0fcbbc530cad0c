import assert from "node:assert/strict";
import { test } from "node:test";

import { maskEdit, segmentEdit, shiftOf } from "../../frontend/static/js/models/edit_size.js";
import { ProposalList } from "../../frontend/static/js/models/proposals.js";

/** @returns {any} */
const mask = (fields) => ({ counts: "abc", engine: "grabcut 3", edit_iou: 0.9, edit_boundary: 1.24, ...fields });

test("a mask says how far it is from its proposal", () => {
  assert.equal(maskEdit(mask({})).text, "Minor edit of a proposal: IoU 0.90, outline moved by 1.2 px.");
  const major = maskEdit(mask({ edit_iou: 0.4, edit_boundary: null, major_edit: true }));
  assert.deepEqual(major, { text: "Major edit of a proposal: IoU 0.40.", major: true });
  assert.equal(maskEdit(mask({ edit_iou: 1, edit_boundary: 0 })).text, "As proposed by grabcut 3.");
  assert.equal(maskEdit(mask({ edit_iou: undefined, proposal: 7 })).text, "Edited; measured when it is saved.");
});

test("a mask that began from nothing, or is gone, says nothing", () => {
  assert.equal(maskEdit(mask({ edit_iou: null })), null);
  assert.equal(maskEdit(mask({ counts: null })), null);
  assert.equal(maskEdit(undefined), null);
});

test("a segment says how its ends moved, in milliseconds of the clip's own times", () => {
  const seconds = [0, 0.04, 0.1, 0.5, 1.75];
  const shift = shiftOf({ start: 2, end: 3 }, { start: 1, end: 4 }, (frame) => seconds[frame]);
  const said = segmentEdit(shift, "motion 2").text;
  assert.equal(said, "Against the proposal by motion 2: start 60 ms later, end 1,250 ms earlier.");
  assert.equal(
    segmentEdit({ start: 0, end: 0.12 }, "").text,
    "Against the proposal: start as proposed, end 120 ms later.",
  );
  assert.equal(segmentEdit({ start: 0, end: 0 }, "motion 2").text, "Ends as proposed by motion 2.");
  assert.equal(
    shiftOf({ start: 2, end: 3 }, undefined, () => 0),
    null,
  );
});

test("what lies below the threshold can be decided on at once, decided ones left out", () => {
  const list = new ProposalList(0.5);
  const item = { kind: "segment", start: 0, end: 10, verdict: null };
  list.replace([
    { ...item, id: 1, confidence: 0.2 },
    { ...item, id: 2, confidence: 0.5 },
    { ...item, id: 3, confidence: 0.49 },
    { ...item, id: 4, confidence: 0.1, verdict: "accepted" },
  ]);
  assert.deepEqual(
    list.below.map(({ id }) => id),
    [3, 1],
  );
});
