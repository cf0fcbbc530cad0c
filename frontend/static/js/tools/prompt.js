/** Box and click prompts: a rough gesture that the engine turns into a mask. */

import { ApiError, ask as askServer, call } from "../api.js";
import { Newest, PromptSession } from "../models/prompt_session.js";
import { register } from "./registry.js";

const DRAG = 4; // screen px from which a press is a box
const SETTLED = 150; // ms on a frame, from when on it is worth looking at ahead of the first prompt

/** @type {PromptSession | null} what the clicks so far are about */
let session = null;
/** @typedef {{from: [number, number], to: [number, number], button: number, ctrl: boolean}} Gesture picture px */

/** @type {Gesture | null} */
let gesture = null;
/** Clicks wait for Ctrl to be let go. */
let held = false;
let hairNow = 1;
const requests = new Newest();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/**
 * @param {import("./registry.js").Bench} bench
 * @param {PromptSession} about
 */
const countsOf = (bench, about) => (about.track ? (bench.work.maskOf(about.track, about.frame)?.counts ?? null) : null);

/**
 * @param {import("./registry.js").Bench} bench
 * @param {PromptSession} about
 * @param {AbortSignal} signal
 * @returns {Promise<import("../models/prompt_session.js").Answer>}
 */
async function answerTo(bench, about, signal) {
  const path = `tasks/${bench.task.id}/prompt/`;
  const travel = bench.player.direction;
  const current = countsOf(bench, about);
  try {
    return await call("POST", path, { body: about.body(current, { travel }), signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.body?.error?.code !== "answer_forgotten") throw error;
    return call("POST", path, { body: about.body(current, { travel, forgotten: true }), signal });
  }
}

/**
 * @param {import("./registry.js").Bench} bench
 * @param {PromptSession} about
 */
async function ask(bench, about) {
  held = false;
  const mine = requests.begin();
  const released = performance.now();
  bench.emit("busy", 1);
  try {
    const answer = await answerTo(bench, about, mine.signal);
    // The person has moved on; a mask on another frame would be a surprise.
    if (!requests.isStill(mine) || bench.frame !== about.frame || session !== about) return;
    const counts = about.take(answer);
    if (counts === null) bench.say("Nothing was found there; drag a box round it.");
    else if (lay(bench, about, counts, "Prompt")) measure(released);
  } catch (error) {
    if (!mine.signal.aborted) bench.say(error instanceof Error ? error.message : String(error), "error");
  } finally {
    bench.emit("busy", -1);
  }
}

/**
 * @param {import("./registry.js").Bench} bench
 * @param {PromptSession} about
 * @param {string} counts
 * @param {string} verb for the undo button
 */
function lay(bench, about, counts, verb) {
  if (counts === countsOf(bench, about)) return false;
  const number = bench.work.get("tracks", about.track)?.number ?? bench.work.nextNumber;
  about.track = bench.layMask({
    title: `${verb} object ${number}, frame ${about.frame}`,
    track: about.track,
    label: bench.label,
    counts,
    method: "assisted",
    engine: about.engine,
    prompts: [about.said],
  });
  return true;
}

/** From the hand to the painted mask, in the browser's own timeline. @param {number} released */
function measure(released) {
  // The first callback comes before the mask is drawn, the second after it was.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => performance.measure("prompt to mask", { start: released, end: performance.now() })),
  );
}

/**
 * @param {import("./registry.js").Bench} bench
 * @param {1 | -1} way
 */
function cycle(bench, way) {
  const about = goesOn(bench) ? session : null;
  const next = about?.cycle(way, countsOf(bench, about));
  if (!about || !next) {
    bench.say("There is no other candidate: prompt first, with S and a box or a click.");
    return;
  }
  if (next.counts) lay(bench, about, next.counts, "Other candidate for");
  const sure = Math.round(about.confidence * 100);
  bench.say(`Candidate ${about.chosen + 1} of ${about.candidates}, ${sure} % sure.`);
}

/**
 * The object that a prompt is about: the selected one, or a new one. A box on an object that has a mask here already
 * means another thing.
 *
 * @param {import("./registry.js").Bench} bench
 * @param {boolean} isBox
 */
function begin(bench, isBox) {
  const { track } = bench;
  const has = track && bench.work.maskOf(track.id, bench.frame)?.counts;
  session = new PromptSession(track && !(isBox && has) ? track.id : null, bench.frame, bench.clip);
  return session;
}

/** @param {import("./registry.js").Bench} bench */
function goesOn(bench) {
  return session && session.frame === bench.frame && (session.track === null || session.track === bench.track?.id);
}

/** Whether the project's prompt engine looks for what is like several boxes. */
function takesExamples() {
  return document.body.dataset.examples === "true";
}

/**
 * Whether a box that is drawn now is a further example beside the first one, like it or unlike it.
 *
 * @param {import("./registry.js").Bench} bench
 * @param {boolean} ctrl
 */
function showsExample(bench, ctrl) {
  return ctrl && takesExamples() && Boolean(goesOn(bench) && session?.box);
}

/**
 * @param {[number, number]} a
 * @param {[number, number]} b
 * @param {{width: number, height: number}} clip
 */
function boxAround(a, b, { width, height }) {
  const x = Math.max(0, Math.floor(Math.min(a[0], b[0])));
  const y = Math.max(0, Math.floor(Math.min(a[1], b[1])));
  const right = Math.min(width, Math.ceil(Math.max(a[0], b[0])));
  const bottom = Math.min(height, Math.ceil(Math.max(a[1], b[1])));
  return [x, y, right - x, bottom - y];
}

/**
 * @param {import("./registry.js").Bench} bench
 * @param {Gesture} gesture
 * @returns {PromptSession | null} null when the box holds next to nothing
 */
function boxed(bench, { from, to, button, ctrl }) {
  const box = boxAround(from, to, bench.clip);
  if (box[2] < 2 || box[3] < 2) return null;
  if (session && showsExample(bench, ctrl)) {
    session.examples.push([...box, button === 2 ? 0 : 1]);
    return session;
  }
  const about = begin(bench, true);
  about.box = box;
  return about;
}

/**
 * @param {import("./registry.js").Bench} bench
 * @param {Gesture} gesture
 * @returns {PromptSession | null} what the gesture adds to, with the gesture in it; null when it was outside the picture
 */
function pointedAt(bench, { from, to, button, ctrl }) {
  const { width, height } = bench.clip;
  const dragged = Math.hypot(to[0] - from[0], to[1] - from[1]) > DRAG * hairNow;
  if (dragged && (button === 0 || showsExample(bench, ctrl))) return boxed(bench, { from, to, button, ctrl });
  if (from[0] < 0 || from[1] < 0 || from[0] >= width || from[1] >= height) return null;
  const about = goesOn(bench) && session ? session : begin(bench, false);
  about.points.push([Math.floor(from[0]), Math.floor(from[1]), button === 2 ? 0 : 1]);
  return about;
}

function letGo() {
  clearTimeout(settling);
  requests.giveUp();
  gesture = null;
  session = null;
  held = false;
}

const HINT =
  "Drag a box or click: left adds, right takes away. Hold Ctrl for several clicks at once; Z shows the next candidate.";
const EXAMPLES = "Ctrl and a drag after the first box show more examples: left like it, right unlike it.";

register({
  name: "prompt",
  title: "Prompt",
  keys: ["s"],
  icon: "wand-sparkles",
  order: 60,
  cursor: "crosshair",
  writes: true,
  get hint() {
    return takesExamples() ? `${HINT} ${EXAMPLES}` : HINT;
  },
  commands: (bench) => [
    ["next-candidate", "Next candidate of a prompt", ["z"], () => cycle(bench, 1)],
    ["previous-candidate", "Candidate of a prompt before", ["Shift+z"], () => cycle(bench, -1)],
  ],

  arm(bench) {
    clearTimeout(settling);
    if (bench.readOnly || bench.frame < 0) return;
    const { frame } = bench;
    settling = setTimeout(() => {
      const body = { frame, travel: bench.player.direction };
      // Nobody waits for it, and a prompt says what is wrong.
      if (bench.frame === frame) askServer("POST", `tasks/${bench.task.id}/prompt/frame/`, { body });
    }, SETTLED);
  },

  press(bench, { x, y, button, ctrl }) {
    if (button === 1 || !bench.mayWrite(bench.frame)) return;
    gesture = { from: [x, y], to: [x, y], button, ctrl };
  },

  drag(_bench, pointers) {
    const last = pointers.at(-1);
    if (gesture && last) gesture.to = [last.x, last.y];
  },

  release(bench) {
    if (!gesture) return;
    const made = gesture;
    gesture = null;
    const about = pointedAt(bench, made);
    if (!about) return;
    if (made.ctrl) {
      held = true;
      requests.giveUp();
    } else ask(bench, about);
  },

  keyUp(bench, key) {
    if ((key !== "Control" && key !== "Meta") || !held) return;
    if (session && goesOn(bench) && !session.isEmpty) ask(bench, session);
    held = false;
  },

  key(_bench, key) {
    if (key !== "Escape" || (!gesture && !session)) return false;
    letGo();
    return true;
  },

  disarm: letGo,

  ornament(bench, g, hair) {
    hairNow = hair;
    if (gesture && (gesture.button === 0 || showsExample(bench, gesture.ctrl))) {
      const { from, to } = gesture;
      g.strokeStyle = "#fff";
      g.lineWidth = 1.5 * hair;
      g.setLineDash([6 * hair, 4 * hair]);
      g.strokeRect(from[0], from[1], to[0] - from[0], to[1] - from[1]);
      g.setLineDash([]);
    }
    if (!session || session.frame !== bench.frame) return;
    g.lineWidth = 1.5 * hair;
    for (const [x, y, w, h, like] of session.examples) {
      g.strokeStyle = like ? "#1fae5b" : "#d8382e";
      g.strokeRect(x, y, w, h);
    }
    for (const [x, y, positive] of session.points) {
      g.beginPath();
      g.arc(x + 0.5, y + 0.5, 5 * hair, 0, 2 * Math.PI);
      g.fillStyle = positive ? "#1fae5b" : "#d8382e";
      g.fill();
      g.strokeStyle = "#fff";
      g.lineWidth = 1.5 * hair;
      g.stroke();
      g.fillStyle = "#fff";
      g.fillRect(x + 0.5 - 2.5 * hair, y + 0.5 - 0.6 * hair, 5 * hair, 1.2 * hair);
      if (positive) g.fillRect(x + 0.5 - 0.6 * hair, y + 0.5 - 2.5 * hair, 1.2 * hair, 5 * hair);
    }
  },
});
