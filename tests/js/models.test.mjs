import assert from "node:assert/strict";
import { test } from "node:test";

import { TimeAxis } from "../../frontend/static/js/models/axis.js";
import { lineColour } from "../../frontend/static/js/models/colour.js";
import { FramePlan, spans } from "../../frontend/static/js/models/frame_plan.js";
import { newId } from "../../frontend/static/js/models/identity.js";
import { chord, KeyTable, LAYOUTS, legible, spoken } from "../../frontend/static/js/models/keys.js";
import { ProposalList } from "../../frontend/static/js/models/proposals.js";
import { rows } from "../../frontend/static/js/models/segments.js";
import { clock, Timebase } from "../../frontend/static/js/models/timebase.js";
import { Viewport } from "../../frontend/static/js/models/viewport.js";
import { requestBody, reverse, Work } from "../../frontend/static/js/models/work.js";

test("the frame at a time is the last that has begun, at any rate", () => {
  const time = new Timebase([0, 0.04, 0.1, 0.5]);
  assert.deepEqual(
    [0, 0.039, 0.04, 0.3, 0.5, 9].map((t) => time.frameAt(t)),
    [0, 0, 1, 2, 3, 3],
  );
});

test("a time is written to the millisecond", () => {
  assert.deepEqual([0, 7.34, 59.9996, 61.5].map(clock), ["0:00.000", "0:07.340", "1:00.000", "1:01.500"]);
});

test("frames are fetched from the playhead in the direction of travel", () => {
  const plan = new FramePlan({ count: 100, ahead: 6, behind: 2 });
  assert.deepEqual(plan.wanted(50, 1), [50, 51, 52, 53, 49, 54, 55, 56, 48]);
  assert.deepEqual(plan.wanted(1, -1), [1, 0, 2, 3]);
  assert.deepEqual(plan.outside([40, 47, 48, 50, 56, 57], 50, 1), [40, 47, 57]);
});

test("held frames are shown as spans", () => {
  assert.deepEqual(spans([5, 3, 4, 9]), [
    [3, 6],
    [9, 10],
  ]);
});

test("the axis turns px into whole frames and boundaries", () => {
  const axis = new TimeAxis(100);
  axis.width = 1000;
  assert.deepEqual([axis.frame(0), axis.frame(19.9), axis.frame(2000)], [0, 1, 99]);
  assert.deepEqual([axis.boundary(14), axis.boundary(16), axis.boundary(5000)], [1, 2, 100]);
  axis.zoom(2, 500);
  assert.deepEqual([axis.first, axis.end], [25, 75]);
  axis.reveal(80);
  assert.deepEqual([axis.first, axis.end], [31, 81]);
  axis.zoom(0.001, 0);
  assert.deepEqual([axis.first, axis.end], [0, 100]);
});

test("zooming keeps the picture under the pointer", () => {
  const view = new Viewport();
  view.picture = { w: 1280, h: 720 };
  view.resize(800, 600);
  const before = view.toPicture(300, 200);
  view.zoom(4, 300, 200);
  const after = view.toPicture(300, 200);
  assert.ok(Math.hypot(after[0] - before[0], after[1] - before[1]) < 1e-9);
});

test("overlapping segments lie in rows of their own", () => {
  const found = rows([
    { start: 5, end: 9 },
    { start: 0, end: 6 },
    { start: 9, end: 12 },
  ]);
  assert.deepEqual(
    found.map((row) => row.map((s) => s.start)),
    [[0, 9], [5]],
  );
});

test("keys are told apart by what is held down, not by how a sign is typed", () => {
  const press = (key, held = {}) =>
    chord({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
  assert.equal(press("B"), "b");
  assert.equal(press("?", { shiftKey: true }), "?");
  assert.equal(press("Z", { ctrlKey: true, shiftKey: true }), "Mod+Shift+z");
  assert.equal(press("ArrowLeft", { shiftKey: true }), "Shift+ArrowLeft");
});

test("a key bound twice is refused with both names", () => {
  const table = new KeyTable();
  const command = { group: "Tools", run() {} };
  table.add({ id: "brush", title: "Brush", keys: ["b"], ...command });
  assert.throws(
    () => table.add({ id: "bold", title: "Bold", keys: ["b"], ...command }),
    /B is both "Brush" and "Bold"/,
  );
  assert.equal(table.tooltip("brush"), "Brush (B)");
});

function table(own) {
  const keys = new KeyTable(own);
  const add = (id, title, bound) => keys.add({ id, title, group: "Tools", keys: bound, run() {} });
  add("brush", "Brush", ["b"]);
  add("eraser", "Eraser", ["e"]);
  add("zoom", "Zoom in", ["+", "="]);
  return keys;
}

test("a person gives a command another key, and takes it back", () => {
  const keys = table();
  let told = 0;
  keys.on("change", () => (told += 1));
  assert.equal(keys.rebind("brush", ["q", "Shift+q"]), "");
  assert.equal(keys.find("q").id, "brush");
  assert.equal(keys.find("b"), undefined);
  assert.equal(keys.tooltip("brush"), "Brush (Q)");
  assert.deepEqual(keys.own, { brush: ["q", "Shift+q"] });
  assert.equal(keys.rebind("eraser", ["b"]), "");
  assert.match(keys.reset("brush"), /B already is "Eraser"/);
  keys.resetAll();
  assert.deepEqual([keys.find("b").id, keys.find("e").id, keys.own], ["brush", "eraser", {}]);
  assert.equal(told, 3);
});

test("a key that does something already is refused with a sentence, and nothing changes", () => {
  const keys = table();
  assert.equal(keys.rebind("eraser", ["b"]), 'B already is "Brush"; give that another key first.');
  assert.match(keys.rebind("eraser", ["Mod+w"]), /The browser keeps Ctrl\+W for itself/);
  assert.deepEqual([keys.find("e").id, keys.own], ["eraser", {}]);
});

test("what a person chose stands against a key that a new version brings", () => {
  const keys = table({ eraser: ["b"], "label-9": ["9"] });
  assert.equal(keys.find("b").id, "eraser");
  assert.deepEqual(keys.get("brush").keys, []);
  assert.equal(keys.tooltip("brush"), "Brush");
  // What belongs to another project's labels is kept.
  assert.deepEqual(keys.own, { eraser: ["b"], "label-9": ["9"] });
});

test("a command is found by its words and by its key", () => {
  const keys = table();
  const found = (wanted) => keys.groups(wanted).flatMap(([, commands]) => commands.map(({ id }) => id));
  assert.deepEqual(found("bru"), ["brush"]);
  assert.deepEqual(found("zoom in"), ["zoom"]);
  assert.deepEqual(found("+"), ["zoom"]);
  assert.deepEqual(found("nothing"), []);
});

test("no layout gives one key to two commands", () => {
  for (const { keys } of Object.values(LAYOUTS)) {
    const all = Object.values(keys).flat();
    assert.equal(new Set(all).size, all.length);
  }
});

test("keys are written as they stand on the keyboard", () => {
  assert.deepEqual(["Mod+Shift+z", " ", "+", "Mod++", "Shift+ArrowLeft"].map(legible), [
    "Ctrl+Shift+Z",
    "Space",
    "+",
    "Ctrl++",
    "Shift+←",
  ]);
  assert.deepEqual(["Mod+z", " ", "Alt+ "].map(spoken), ["Control+z", "Space", "Alt+Space"]);
});

test("ids are UUIDs of version 4 and differ", () => {
  const ids = new Set(Array.from({ length: 1000 }, newId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("proposals below the threshold and decided ones are not shown", () => {
  const list = new ProposalList(0.7);
  const item = { kind: "mask_track", start: 0, end: 10, verdict: null };
  list.replace([
    { ...item, id: 1, confidence: 0.69 },
    { ...item, id: 2, confidence: 0.7 },
    { ...item, id: 3, confidence: 0.9 },
  ]);
  assert.deepEqual(
    list.masksOn(9).map((p) => p.id),
    [3, 2],
  );
  assert.equal(list.hidden, 1);
  list.decide(3, "rejected");
  assert.deepEqual(
    list.masksOn(9).map((p) => p.id),
    [2],
  );
  assert.deepEqual(list.masksOn(10), []);
});

const track = { id: "t", number: 1, label: "gripper", z_order: 0 };
const mask = { id: "m", track: "t", frame: 3, counts: "abc", occluded: false, method: "manual", engine: "" };

test("undoing a creation saves it erased and redoing brings it back", () => {
  const edit = { kind: "masks", id: "m", before: null, after: mask };
  const back = reverse(edit);
  assert.equal(back.after.counts, null);
  assert.deepEqual(reverse(back).after, mask);
  assert.deepEqual(requestBody("masks", back.after), {
    track: "t",
    frame: 3,
    counts: null,
    occluded: false,
    method: "manual",
    engine: "",
  });
});

test("masks of an erased track are not there, and come back with it", () => {
  const work = new Work();
  work.merge({ tracks: [track], masks: [mask] });
  assert.equal(work.masksOn(3).length, 1);
  const erase = { kind: "tracks", id: "t", before: track, after: { ...track, deleted: true } };
  work.apply([erase]);
  assert.equal(work.masksOn(3).length, 0);
  assert.equal(work.tracks.length, 0);
  work.apply([reverse(erase)]);
  assert.deepEqual(
    work.masksOn(3).map((m) => m.id),
    ["m"],
  );
  assert.deepEqual(work.framesOf("t"), [3]);
  assert.equal(work.nextNumber, 2);
});

test("masks come from back to front", () => {
  const work = new Work();
  work.merge({
    tracks: [
      { ...track, z_order: 2 },
      { ...track, id: "u", number: 2, z_order: 1 },
    ],
    masks: [mask, { ...mask, id: "n", track: "u" }],
  });
  assert.deepEqual(
    work.masksOn(3).map((m) => m.id),
    ["n", "m"],
  );
});

test("the server's id for a mask replaces the one made here", () => {
  const work = new Work();
  work.merge({ tracks: [track], masks: [mask] });
  work.merge({ masks: [{ ...mask, id: "theirs" }] });
  assert.deepEqual(
    work.masksOn(3).map((m) => m.id),
    ["theirs"],
  );
});

test("the line of a dark label is light enough for a dark picture", () => {
  assert.equal(lineColour("#ddfa4b"), "#ddfa4b");
  const [r, g, b] = lineColour("#1b593a").match(/\d+/g).map(Number);
  assert.ok((0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 > 0.44);
});
