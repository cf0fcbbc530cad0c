/** The keys for action segments and the time axis, and the bar over the rows that names them. */

import { newId } from "../models/identity.js";
import {
  BoundaryMove,
  boundaryEdits,
  copies,
  gaps,
  Impossible,
  merge,
  PRIMITIVE,
  roomAt,
  split,
  TASK,
  WholeMove,
} from "../models/segment_edits.js";
import { byId } from "./dom.js";
import { blankSegment, rulesOf, snapTargets } from "./segments.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("./commands.js").Row} Row */
/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {"start" | "end"} End */

const NEW_SEGMENT = 2; // seconds that a segment begun with I has at first
/** @type {Record<string, string>} */
const ROW_NAMES = { [TASK]: "Task", [PRIMITIVE]: "Actions" };

/** @param {Bench} bench @returns {Row[]} */
export function segmentRows(bench) {
  const nudged = (/** @type {End | "both"} */ which, /** @type {1 | -1} */ by) => () => nudge(bench, which, by);
  return [
    ["segment-start", "Segment starts here; after the selected one, a new one", ["i"], () => startHere(bench)],
    ["segment-end", "Segment ends with this frame", ["o"], () => endHere(bench)],
    ["segment-split", "Split before this frame", ["Shift+s"], () => splitHere(bench)],
    ["segment-merge", "Merge with the next, or the selected ones", ["Alt+m"], () => mergeWith(bench, 1)],
    ["segment-merge-back", "Merge with the one before", ["Alt+Shift+m"], () => mergeWith(bench, -1)],
    ["start-back", "Start a frame earlier", ["Alt+ArrowLeft"], nudged("start", -1)],
    ["start-on", "Start a frame later", ["Alt+ArrowRight"], nudged("start", 1)],
    ["end-back", "End a frame earlier", ["Alt+Shift+ArrowLeft"], nudged("end", -1)],
    ["end-on", "End a frame later", ["Alt+Shift+ArrowRight"], nudged("end", 1)],
    ["segment-back", "Move a frame earlier", ["Mod+ArrowLeft"], nudged("both", -1)],
    ["segment-on", "Move a frame later", ["Mod+ArrowRight"], nudged("both", 1)],
    ["segment-copy", "Copy to the other row", ["Alt+c"], () => copyAcross(bench)],
    ["segment-again", "The selected segments once more from this frame", ["Alt+n"], () => copyHere(bench)],
    ["segment-next", "Next segment of the row", ["ArrowDown"], () => step(bench, 1)],
    ["segment-previous", "Segment before", ["ArrowUp"], () => step(bench, -1)],
    ["segment-also-next", "Select the next segment too", ["Shift+ArrowDown"], () => extend(bench, 1)],
    ["segment-also-previous", "Select the segment before too", ["Shift+ArrowUp"], () => extend(bench, -1)],
    ["segment-all", "Select all segments of the row", ["Mod+a"], () => selectRow(bench)],
    ["row", "Other row: task or actions", ["Alt+w"], () => changeRow(bench)],
    ["next-gap", "Next gap in the row", ["Alt+g"], () => goToGap(bench, 1)],
    ["previous-gap", "Gap before", ["Alt+Shift+g"], () => goToGap(bench, -1)],
    ["next-broken", "Next segment that breaks a rule", ["Alt+b"], () => goToBroken(bench, 1)],
    ["previous-broken", "Segment before that breaks a rule", ["Alt+Shift+b"], () => goToBroken(bench, -1)],
    ["next-moment", "Next boundary or motion event", ["Alt+."], () => goToMoment(bench, 1)],
    ["previous-moment", "Boundary or motion event before", ["Alt+,"], () => goToMoment(bench, -1)],
    ["snap", "Snap to boundaries and motion events (Alt held ignores it)", ["Alt+s"], () => flip(bench, "snap")],
    [
      "linked",
      "Boundaries at the same place move together (Ctrl held: the other way)",
      ["Alt+k"],
      () => flip(bench, "linked"),
    ],
    ["loop", "Play the selected segment in a loop", ["Alt+p"], () => flip(bench, "loop")],
  ];
}

/** @param {Bench} bench @returns {Row[]} */
export function axisRows(bench) {
  return [
    ["axis-in", "Time axis: closer", ["Alt+="], () => bench.emit("axis", "in")],
    ["axis-out", "Time axis: farther", ["Alt+-"], () => bench.emit("axis", "out")],
    ["axis-whole", "Time axis: the whole clip", ["\\"], () => bench.emit("axis", "whole")],
    ["axis-segment", "Time axis: the selected segment", ["|"], () => bench.emit("axis", "segment")],
  ];
}

/**
 * The buttons over the rows, and what plays in a loop.
 *
 * @param {Bench} bench
 * @param {import("../models/keys.js").KeyTable} keys
 */
export function bindSegmentBar(bench, keys) {
  const { player, settings } = bench;
  const buttons = [...document.querySelectorAll("#segment-bar [data-command], #axis-buttons [data-command]")];
  for (const button of buttons) {
    const command = button.getAttribute("data-command") ?? "";
    button.addEventListener("click", (event) => {
      keys.get(command)?.run(/** @type {any} */ (event));
      // The hands go back to the keys.
      byId("ornaments").focus({ preventScroll: true });
    });
  }
  const show = () => {
    for (const name of /** @type {const} */ (["snap", "linked", "loop"])) {
      byId(`segment-${name}`).setAttribute("aria-pressed", String(settings.get(name)));
    }
    const { segment } = bench;
    const loops = settings.get("loop") && segment && bench.begun !== segment.id;
    player.loop = loops ? { start: segment.start, end: segment.end } : null;
    const gone = Boolean(bench.readOnly);
    for (const button of buttons) if (button.matches("[data-writes]")) button.toggleAttribute("disabled", gone);
  };
  settings.on("change", show);
  bench.on("selection work readonly", show);
  show();
}

/**
 * Carry out what may be impossible, and say so.
 *
 * @param {Bench} bench
 * @param {string} title
 * @param {() => import("../models/segment_edits.js").Plan} plan
 * @returns {boolean} whether it was possible
 */
function carryOut(bench, title, plan) {
  if (!bench.mayWrite()) return false;
  try {
    const { edits, select } = plan();
    const done = bench.commit(title, edits);
    if (done) bench.selectSegments(select);
    return done;
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    bench.say(error.message, "warning");
    return false;
  }
}

/** The selected segments, or the one of the row under the playhead. @param {Bench} bench @returns {Segment[]} */
function inHand(bench) {
  if (bench.segments.length) return bench.segments;
  const { frame, row } = bench;
  return bench.work.segments.filter(({ level, start, end }) => level === row && start <= frame && frame < end);
}

/** @param {Bench} bench */
function startHere(bench) {
  if (!bench.mayWrite(bench.frame)) return;
  const { segment, frame } = bench;
  if (segment && frame < segment.end) moveEnd(bench, segment, "start", frame);
  else begin(bench);
}

/** @param {Bench} bench */
function begin(bench) {
  const { frame, row } = bench;
  const { timebase } = bench.player;
  const room = roomAt(bench.work.segments, blankSegment("", row, 0, 1), frame, rulesOf(bench));
  if (!room) {
    bench.say("There is a segment here already; select it to move its ends, or split it with Shift+S.", "warning");
    return;
  }
  const end = Math.min(room.end, timebase.frameAt(timebase.at(frame) + NEW_SEGMENT) + 1);
  const id = newId();
  const after = blankSegment(id, row, frame, Math.max(end, frame + 1));
  if (!bench.commit("New segment", [{ kind: "segments", id, before: null, after }])) return;
  bench.begun = id;
  bench.select("segments", id);
}

/** @param {Bench} bench */
function endHere(bench) {
  const { segment, frame } = bench;
  if (!segment) {
    bench.say("Select a segment, or begin one with I, then press O where it ends.");
  } else if (frame < segment.start) {
    bench.say("A segment ends after it starts; this frame is before its start.", "warning");
  } else {
    // Where a segment that was just begun ends was never said: what it touches there stays where it is.
    const rules = rulesOf(bench);
    const fresh = bench.begun === segment.id;
    bench.begun = null;
    moveEnd(bench, segment, "end", frame + 1, fresh ? { ...rules, linked: false } : rules);
    bench.emit("selection");
  }
}

/**
 * @param {Bench} bench
 * @param {Segment} segment
 * @param {End} which
 * @param {number} boundary
 * @param {import("../models/segment_edits.js").Rules} [rules]
 */
function moveEnd(bench, segment, which, boundary, rules = rulesOf(bench)) {
  if (!bench.mayWrite()) return;
  const move = new BoundaryMove(bench.work.segments, segment, which, rules);
  const reached = move.settle(boundary);
  if (reached !== boundary) {
    const last = which === "end" ? 1 : 0;
    const [low, high] = [move.low - last, move.high - last];
    const why =
      low <= boundary - last && boundary - last <= high
        ? `an action runs through it; the nearest place is frame ${reached - last}`
        : `its neighbours and the task leave it frames ${low} to ${high}`;
    bench.say(`This segment can't ${which} with frame ${boundary - last}: ${why}.`, "warning");
    return;
  }
  const others = move.members.length > 1;
  bench.commit(others ? "Move a shared boundary" : `Move the ${which} of a segment`, boundaryEdits(move.at(boundary)));
}

/**
 * @param {Bench} bench
 * @param {End | "both"} which
 * @param {1 | -1} by
 */
function nudge(bench, which, by) {
  const { segment } = bench;
  if (!segment) {
    bench.say("Select a segment first; then its start, its end or all of it moves by a frame.");
    return;
  }
  if (which !== "both") {
    moveEnd(bench, segment, which, segment[which] + by);
    const { start, end } = bench.segment ?? segment;
    bench.player.go(which === "start" ? start : end - 1);
    return;
  }
  if (!bench.mayWrite()) return;
  const move = new WholeMove(bench.work.segments, bench.segments, rulesOf(bench));
  if (move.settle(by) !== by)
    bench.say("There is no room there: the next segment or the task's end is in the way.", "warning");
  else bench.commit("Move by a frame", boundaryEdits(move.at(by)));
}

/** @param {Bench} bench */
function splitHere(bench) {
  const plan = () => split(bench.work.segments, inHand(bench), bench.frame, newId);
  if (carryOut(bench, "Split a segment", plan))
    bench.say(`Split before frame ${bench.frame}; what follows is selected.`);
}

/**
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function mergeWith(bench, way) {
  const chosen = inHand(bench);
  if (!chosen.length) bench.say("Select a segment first; it is merged with its neighbour.");
  else carryOut(bench, "Merge segments", () => merge(bench.work.segments, chosen, way));
}

/** @param {Bench} bench */
function copyAcross(bench) {
  const chosen = inHand(bench);
  const level = chosen[0]?.level === TASK ? PRIMITIVE : TASK;
  copy(bench, chosen, { level, by: 0 }, `the row ${ROW_NAMES[level]}`);
}

/** @param {Bench} bench */
function copyHere(bench) {
  const chosen = bench.segments;
  const first = Math.min(...chosen.map(({ start }) => start));
  copy(bench, chosen, { level: null, by: bench.frame - first }, "here");
}

/**
 * @param {Bench} bench
 * @param {Segment[]} chosen
 * @param {{level: string | null, by: number}} where
 * @param {string} words
 */
function copy(bench, chosen, where, words) {
  if (!chosen.length) {
    bench.say("Select the segments to copy first.");
    return;
  }
  carryOut(bench, chosen.length === 1 ? "Copy a segment" : `Copy ${chosen.length} segments`, () => {
    const plan = copies(bench.work.segments, chosen, where, rulesOf(bench), newId);
    if (plan.left) bench.say(`${plan.left} of ${chosen.length} found no room in ${words}.`, "warning");
    return plan;
  });
}

/** @param {Bench} bench @param {string} level */
const rowOf = (bench, level) => bench.work.segments.filter((one) => one.level === level);

/**
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function step(bench, way) {
  const row = rowOf(bench, bench.row);
  const at = row.findIndex(({ id }) => id === bench.segment?.id);
  const { frame } = bench;
  const next =
    at >= 0
      ? row[at + way]
      : way > 0
        ? row.find(({ end }) => end > frame)
        : row.findLast(({ start }) => start <= frame);
  if (!next) {
    bench.say(
      row.length
        ? `There is no segment ${way > 0 ? "after" : "before"} this one.`
        : "This row is empty; I begins a segment.",
    );
    return;
  }
  bench.select("segments", next.id);
  bench.player.go(next.start);
}

/** @param {Bench} bench @param {1 | -1} way */
function extend(bench, way) {
  const chosen = bench.segments;
  if (!chosen.length) {
    step(bench, way);
    return;
  }
  const row = rowOf(bench, chosen[0].level);
  const places = chosen.map(({ id }) => row.findIndex((one) => one.id === id)).filter((at) => at >= 0);
  const next = row[way > 0 ? Math.max(...places) + 1 : Math.min(...places) - 1];
  if (next) bench.selectAlso(next.id, "segments");
}

/** @param {Bench} bench */
function selectRow(bench) {
  const row = rowOf(bench, bench.row);
  const first = bench.segment ?? row[0];
  if (first) bench.selectSegments([first.id, ...row.map(({ id }) => id).filter((id) => id !== first.id)]);
}

/** @param {Bench} bench */
function changeRow(bench) {
  bench.select(null);
  bench.useRow(bench.row === TASK ? PRIMITIVE : TASK);
  bench.say(`New segments go to the row ${ROW_NAMES[bench.row]}.`);
}

/**
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function goToGap(bench, way) {
  const found = gaps(bench.work.segments, bench.row, bench.task);
  const { frame } = bench;
  const next = way > 0 ? found.find(([start]) => start > frame) : found.findLast(([, end]) => end <= frame);
  if (!next) {
    const row = ROW_NAMES[bench.row];
    bench.say(
      found.length ? `There is no gap ${way > 0 ? "after" : "before"} this frame in ${row}.` : `${row} has no gaps.`,
    );
    return;
  }
  bench.select(null);
  bench.player.go(next[0]);
}

/**
 * Along the axis, however far out it is: the selected segment is always a bar.
 *
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function goToBroken(bench, way) {
  const broken = new Set(bench.remarksOfSegments.map(({ segment }) => segment));
  const all = bench.work.segments.filter(({ id }) => broken.has(id)).sort((a, b) => a.start - b.start || a.end - b.end);
  const at = all.findIndex(({ id }) => id === bench.segment?.id);
  const { frame } = bench;
  const beside = way > 0 ? all.find(({ start }) => start >= frame) : all.findLast(({ start }) => start <= frame);
  const next = at >= 0 ? all[at + way] : beside;
  if (!next) {
    const where = way > 0 ? "after" : "before";
    bench.say(all.length ? `No segment ${where} this one breaks a rule.` : "No segment breaks a rule.");
    return;
  }
  bench.player.go(next.start);
  bench.select("segments", next.id);
  const said = bench.remarksOfSegments.filter(({ segment }) => segment === next.id).map(({ message }) => message);
  bench.say(said.join(" "), "warning");
}

/**
 * @param {Bench} bench
 * @param {1 | -1} way
 */
function goToMoment(bench, way) {
  const target = snapTargets(bench, []).next(bench.frame, way);
  if (!target || target.frame >= bench.clip.frame_count) {
    bench.say(`There is no boundary or motion event ${way > 0 ? "after" : "before"} this frame.`);
    return;
  }
  bench.player.go(target.frame);
  bench.say(`${target.why[0].toUpperCase()}${target.why.slice(1)}.`);
}

/**
 * @param {Bench} bench
 * @param {"snap" | "linked" | "loop"} name
 */
function flip({ settings }, name) {
  settings.set(name, !settings.get(name));
}
