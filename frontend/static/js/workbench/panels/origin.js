/** How far the selected object's mask, or the selected segment, is from the proposal that it began from. */

import { maskEdit, segmentEdit, shiftOf } from "../../models/edit_size.js";
import { byId } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */

/** @param {Bench} bench */
export function bindOrigin(bench) {
  const mask = byId("mask-origin");
  const segment = byId("segment-origin");
  const draw = () => {
    show(mask, bench.track ? maskEdit(bench.work.maskOf(bench.track.id, bench.frame)) : null);
    show(segment, bench.segment ? ofSegment(bench, bench.segment) : null);
  };
  bench.on("selection work frame proposals", draw);
  bench.outbox.on("saved", ({ entry, answer }) => {
    if (answer.edit && entry.kind in SETTLED) learn(bench, entry, answer.edit);
  });
  draw();
}

/** @type {Record<string, (body: any, now: any) => boolean>} whether what stands is what was measured */
const SETTLED = {
  masks: (body, now) => now.counts === body.counts,
  segments: (body, now) => now.start === body.start && now.end === body.end,
};

/**
 * Take over what the server measured; it is no step to be undone.
 *
 * @param {Bench} bench
 * @param {import("../../models/outbox.js").Entry} entry
 * @param {Record<string, any>} measured
 */
function learn(bench, { kind, id, body }, measured) {
  const known = /** @type {import("../../models/work.js").Kind} */ (kind);
  const before = bench.work.get(known, id);
  if (!before || !SETTLED[kind]?.(body, before)) return;
  if (Object.entries(measured).every(([name, value]) => before[name] === value)) return;
  bench.work.apply([{ kind: known, id, before, after: { ...before, ...measured } }]);
}

/**
 * @param {Bench} bench
 * @param {import("../../models/work.js").Segment} segment
 */
function ofSegment(bench, segment) {
  const { timebase } = bench.player;
  const frame = bench.clip.fps ? 1 / bench.clip.fps : 0;
  const at = (/** @type {number} */ n) => timebase.at(n) + (n >= timebase.count ? frame : 0);
  const proposal = bench.proposals.get(segment.proposal_id ?? null);
  const told =
    segment.start_shift === null || segment.start_shift === undefined
      ? null
      : { start: segment.start_shift, end: segment.end_shift ?? 0 };
  // Of an older run's proposal only what the server measured is known here.
  const shift = shiftOf(segment, proposal, at) ?? told;
  return shift ? segmentEdit(shift, proposal?.engine ?? segment.engine) : null;
}

/**
 * @param {HTMLElement} line
 * @param {import("../../models/edit_size.js").Said | null} said
 */
function show(line, said) {
  line.hidden = !said;
  line.textContent = said?.text ?? "";
  line.classList.toggle("major", Boolean(said?.major));
}
