/** Every key of the workbench and what it does. */

import { chord, KeyTable } from "../models/keys.js";
import { openPalette } from "../palette.js";
import { allTools } from "../tools/registry.js";
import { accept, reject } from "./decide.js";
import { drawingRows, maskRows } from "./mask_commands.js";
import { Submitting } from "./panels/submit.js";
import { visitPlaces } from "./roving.js";
import { axisRows, segmentRows } from "./segment_commands.js";
import { trackRows } from "./track_commands.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {[string, string, string[], () => void]} Row */

// The picture, then what stands round it; the top bar last.
const PLACES = ["ornaments", "proposals", "objects", "labels", "remarks", "dock", "lanes", "tools", "top"];

/**
 * @param {Bench} bench
 * @param {import("./stage.js").Stage} stage
 * @param {import("./stage_input.js").StageInput} input
 * @param {{take: (name: string) => void, inHand: () => import("../tools/registry.js").Tool}} toolbox
 */
export function makeCommands(bench, stage, input, toolbox) {
  const keys = new KeyTable(JSON.parse(document.body.dataset.keys || "{}"));
  const submitting = new Submitting(bench, stage);
  const add = (/** @type {string} */ group, /** @type {Row[]} */ rows) => {
    for (const [id, title, bound, run] of rows) keys.add({ id, title, group, keys: bound, run });
  };
  for (const tool of allTools())
    add("Tools", [[`tool-${tool.name}`, tool.title, tool.keys, () => toolbox.take(tool.name)]]);
  add("Tools", [
    ["smaller", "Smaller brush, thinner line", ["["], () => resize(bench, stage, toolbox.inHand(), -1)],
    ["bigger", "Bigger brush, thicker line", ["]"], () => resize(bench, stage, toolbox.inHand(), 1)],
  ]);
  for (const tool of allTools()) add("Tools", tool.commands?.(bench) ?? []);
  add("Tools", drawingRows(bench));
  add("Masks", maskRows(bench, input));
  add("Player", playerRows(bench));
  add("Objects", objectRows(bench, stage, toolbox));
  add("Object through time", trackRows(bench));
  add("Action segments", segmentRows(bench));
  add("Time axis", axisRows(bench));
  add("Action segments", wordRows(bench));
  add("Picture", [
    ["fit", "Fit the picture", ["0"], () => zoom(stage, null)],
    ["zoom-in", "Zoom in", ["+", "="], () => zoom(stage, 1.5)],
    ["zoom-out", "Zoom out", ["-"], () => zoom(stage, 1 / 1.5)],
  ]);
  add("Task", [
    ["undo", "Undo", ["Mod+z"], () => bench.undo()],
    ["redo", "Redo", ["Mod+Shift+z", "Mod+y"], () => bench.redo()],
    ["save", "Save now", ["Mod+s"], () => bench.outbox.retry()],
    ["find", "Find a project, clip, task or command", ["Mod+k"], openPalette],
    ["submit", "Submit for review", ["Mod+Enter"], () => submitting.run()],
  ]);
  const visit = visitPlaces(PLACES);
  add("Task", [
    ["next-place", "Next part of the screen", ["F6"], () => visit(1)],
    ["previous-place", "Part of the screen before", ["Shift+F6"], () => visit(-1)],
  ]);
  listen(keys, bench, input, toolbox);
  return keys;
}

/** @param {Bench} bench @returns {Row[]} */
function playerRows(bench) {
  const { player, clip } = bench;
  return [
    ["play", "Play or pause (Space held drags the picture)", [" "], () => player.toggle()],
    ["back", "Frame back", ["d", "ArrowLeft"], () => player.step(-1)],
    ["on", "Frame on", ["f", "ArrowRight"], () => player.step(1)],
    ["back-10", "10 frames back", ["c", "Shift+ArrowLeft", "Shift+d"], () => player.step(-10)],
    ["on-10", "10 frames on", ["Shift+ArrowRight", "Shift+f"], () => player.step(10)],
    ["go-to-frame", "Go to a frame by its number", ["Mod+g"], () => bench.emit("go-to-frame")],
    ["first", "First frame", ["Home"], () => player.go(0)],
    ["last", "Last frame", ["End"], () => player.go(clip.frame_count - 1)],
  ];
}

/**
 * @param {Bench} bench
 * @param {import("./stage.js").Stage} stage
 * @param {{take: (name: string) => void}} toolbox
 * @returns {Row[]}
 */
function objectRows(bench, stage, toolbox) {
  const chosen = () => (bench.proposal ? [bench.proposal] : []);
  /** @type {Row[]} */
  const rows = [
    ["next", "Next object of the same label", ["n"], () => bench.nextObject()],
    ["accept", "Accept the proposal", ["a"], () => decideOr(bench, chosen(), accept)],
    ["reject", "Reject the proposal", ["x"], () => decideOr(bench, chosen(), reject)],
    ["adjust", "Adjust the proposal: paint on it", ["Alt+a"], () => adjust(bench, toolbox)],
    ["next-remark", "Next remark", ["r"], () => bench.emit("next-remark")],
    ["next-proposal", "Next proposal on this frame", ["Tab"], () => nextProposal(bench)],
    ["erase", "Delete the mask on this frame, or the segment", ["Delete", "Backspace"], () => bench.erase()],
    ["erase-all", "Delete the whole object", ["Shift+Delete"], () => bench.track && bench.eraseTrack(bench.track.id)],
    ["masks", "Show or hide masks", ["m"], () => toggle(stage, "masksShown")],
    ["proposals", "Show or hide proposals", ["g"], () => toggle(stage, "proposalsShown")],
    ["deselect", "Stop carrying, or let go of what is selected", ["Escape"], () => letGo(bench)],
  ];
  bench.labels.slice(0, 9).forEach((/** @type {any} */ label, /** @type {number} */ i) => {
    rows.push([`label-${i + 1}`, `Label: ${label.key}`, [String(i + 1)], () => bench.setLabel(label.key)]);
  });
  return rows;
}

/** @param {Bench} bench @returns {Row[]} */
function wordRows(bench) {
  const write = (/** @type {string} */ what) => () => bench.emit("write-segment", what);
  return [
    ["segment-action", "Action class of the segment", ["Enter"], write("action")],
    ["segment-phase", "Phase of the segment", ["Shift+p"], write("phase")],
    ["segment-object", "Object of the segment", ["Alt+j"], write("object")],
    ["segment-hand", "Hand of the segment", ["Alt+h"], write("hand")],
    ["segment-outcome", "Outcome of the segment, then how sure", ["Alt+u"], write("outcome")],
    ["segment-instructions", "Instructions of the segment", ["Shift+i"], write("instructions")],
  ];
}

/**
 * @param {Bench} bench
 * @param {any[]} proposals
 * @param {(bench: Bench, proposals: any[]) => void} decide
 */
function decideOr(bench, proposals, decide) {
  if (proposals.length) decide(bench, proposals);
  else bench.say("Select a proposal first: click a dashed outline, or press Tab.");
}

/**
 * @param {Bench} bench
 * @param {{take: (name: string) => void}} toolbox
 */
function adjust(bench, toolbox) {
  if (bench.proposal?.kind !== "mask_track") {
    bench.say("Select a proposed mask first: click a dashed outline, or press Tab.");
    return;
  }
  toolbox.take("brush");
  bench.say("Paint on the proposal, or press E to take away; it becomes your mask with the first stroke.");
}

/** @param {Bench} bench */
function letGo(bench) {
  if (bench.carrying.isRunning) bench.carrying.cancel();
  else bench.select(null);
}

/** @param {Bench} bench */
function nextProposal(bench) {
  const open = [
    ...bench.proposals.masksOn(bench.frame),
    ...bench.proposals.segments.filter(({ start, end }) => start <= bench.frame && bench.frame < end),
  ];
  if (!open.length) {
    bench.say("There is no open proposal on this frame.");
    return;
  }
  const at = open.findIndex((one) => one.id === bench.proposal?.id);
  bench.select("proposals", open[(at + 1) % open.length].id);
}

/**
 * @param {Bench} bench
 * @param {import("./stage.js").Stage} stage
 * @param {import("../tools/registry.js").Tool} tool the one in hand
 * @param {1 | -1} way
 */
function resize(bench, stage, tool, way) {
  if (tool.resize) tool.resize(bench, way);
  else {
    const step = Math.max(1, Math.round(bench.brushSize / 8));
    bench.brushSize = Math.min(400, Math.max(1, bench.brushSize + way * step));
  }
  bench.emit("brush");
  stage.redrawOrnaments();
}

/**
 * @param {import("./stage.js").Stage} stage
 * @param {"masksShown" | "proposalsShown"} what
 */
function toggle(stage, what) {
  stage[what] = !stage[what];
  stage.recompose();
}

/**
 * @param {import("./stage.js").Stage} stage
 * @param {number | null} factor null fits
 */
function zoom(stage, factor) {
  if (factor === null) stage.view.fit();
  else stage.view.zoom(factor, stage.view.stage.w / 2, stage.view.stage.h / 2);
  stage.redraw();
  stage.redrawOrnaments();
}

/** @param {EventTarget | null} target */
function isTextField(target) {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["range", "checkbox", "button"].includes(target.type);
}

/**
 * Whether a press belongs to the element that has the focus, and not to the workbench.
 *
 * @param {KeyboardEvent} event
 * @param {string} pressed
 * @param {HTMLElement} canvas
 */
function isForElement({ target }, pressed, canvas) {
  if (isTextField(target)) return !["Mod+Enter", "Mod+s"].includes(pressed);
  if (target instanceof HTMLButtonElement && (pressed === " " || pressed === "Enter")) return true;
  if (target instanceof HTMLInputElement && (pressed === "ArrowUp" || pressed === "ArrowDown")) return true;
  // Tab walks through the page; on the picture it walks through the proposals.
  return pressed === "Tab" && target !== canvas;
}

/**
 * @param {KeyTable} keys
 * @param {Bench} bench
 * @param {import("./stage_input.js").StageInput} input
 * @param {{inHand: () => import("../tools/registry.js").Tool}} toolbox
 */
function listen(keys, bench, input, toolbox) {
  const canvas = input.stage.ornaments;
  document.addEventListener("keydown", (event) => {
    const pressed = chord(event);
    if (pressed === "Escape" && isTextField(event.target)) canvas.focus();
    if (isForElement(event, pressed, canvas)) return;
    if (pressed === " ") {
      event.preventDefault();
      input.holdSpace(true);
      return;
    }
    if (toolbox.inHand().key?.(bench, pressed)) {
      event.preventDefault();
      input.stage.redrawOrnaments();
      return;
    }
    // In the middle of a stroke a key would change what is being drawn on.
    const command = keys.find(pressed);
    if (!command || (input.busy && !["smaller", "bigger"].includes(command.id))) return;
    event.preventDefault();
    command.run(event);
  });
  document.addEventListener("keyup", (event) => {
    toolbox.inHand().keyUp?.(bench, event.key);
    if (event.key !== " " || !input.spaceHeld) return;
    // Held to drag the picture it was a hand, pressed and let go it plays.
    const dragged = input.draggedWithSpace;
    input.holdSpace(false);
    if (!dragged) keys.find(" ")?.run(event);
  });
}
