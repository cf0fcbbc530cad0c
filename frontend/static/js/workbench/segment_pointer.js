/** The hand on a row of segments: press to select, drag ends, seams and whole segments, draw new ones. */

import { newId } from "../models/identity.js";
import { coveringIn, firstAfter } from "../models/row_layout.js";
import { BoundaryMove, boundaryEdits, roomAt, WholeMove } from "../models/segment_edits.js";
import { blankSegment, rulesOf, snapTargets } from "./segments.js";

/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {import("../models/segment_edits.js").Change} Change */
/** @typedef {"start" | "end" | "both"} Grip */
/** @typedef {{row: Segment[], segment: Segment, grip: Grip}} Hold */

const EDGE = 7; // px at either side of a boundary that take it
const HELD = 10; // px: what is narrower is selected, not dragged
const SLOP = 3; // px below which a press is a click
const SNAP = 8; // px

/** @type {Record<Grip, string>} */
const TITLES = { start: "Move the start of a segment", end: "Move the end of a segment", both: "Move a segment" };

export class SegmentPointer {
  /** @param {import("./segment_lanes.js").SegmentLanes} lanes */
  constructor(lanes) {
    this.lanes = lanes;
    this.timeline = lanes.timeline;
    this.bench = lanes.bench;
  }

  /**
   * @param {HTMLElement} lane
   * @param {HTMLElement} body
   */
  bind(lane, body) {
    body.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      const row = this.lanes.rowOf(lane);
      const hold = this.#holdAt(row, this.#x(event));
      if (hold) this.#press(event, hold);
      else this.#pressGap(event, String(lane.dataset.level));
    });
    body.addEventListener("pointermove", (event) => {
      if (event.buttons) return;
      const hold = this.#holdAt(this.lanes.rowOf(lane), this.#x(event));
      body.dataset.grip = hold ? (hold.grip === "both" ? "bar" : this.#isSeam(hold) ? "seam" : "end") : "";
    });
    body.addEventListener("dblclick", (event) => {
      const one = coveringIn(this.lanes.rowOf(lane), this.timeline.axis.frame(this.#x(event)));
      if (!one) return;
      this.timeline.axis.frameOn(one.start, one.end);
      this.timeline.moved();
    });
  }

  /** @param {MouseEvent} event */
  #x(event) {
    return event.clientX - this.timeline.ruler.left;
  }

  /**
   * What a press would take hold of: the nearest boundary within reach, else the segment that is under it.
   *
   * @param {Segment[]} row
   * @param {number} x px
   * @returns {Hold | null}
   */
  #holdAt(row, x) {
    const { axis } = this.timeline;
    const near = firstAfter(row, axis.first + (x - EDGE) / axis.scale);
    /** @type {(Hold & {away: number})[]} */
    const found = [];
    for (let i = Math.max(0, near - 1); i < row.length && axis.x(row[i].start) <= x + EDGE; i += 1) {
      found.push(...this.#holdsOn(row[i], x).map((hold) => ({ row, ...hold })));
    }
    return found.sort((a, b) => a.away - b.away)[0] ?? null;
  }

  /**
   * How a segment can be held at a place, and how far away that is; its middle is farther than its ends.
   *
   * @param {Segment} segment
   * @param {number} x px
   * @returns {{segment: Segment, grip: Grip, away: number}[]}
   */
  #holdsOn(segment, x) {
    const { axis } = this.timeline;
    const [left, right] = [axis.x(segment.start), axis.x(segment.end)];
    const inside = left <= x && x < right;
    /** @type {{segment: Segment, grip: Grip, away: number}[]} */
    const middle = inside ? [{ segment, grip: "both", away: EDGE + 1 }] : [];
    if (right - left < HELD && !this.#isChosen(segment)) {
      const away = Math.abs(x - (left + right) / 2);
      return inside || away < 3 ? [{ segment, grip: "both", away }] : [];
    }
    const reach = Math.min(EDGE, Math.max(3, (right - left) / 3));
    const ends = /** @type {[Grip, number][]} */ ([
      ["start", left],
      ["end", right],
    ]);
    for (const [grip, at] of ends) {
      // Of two segments that touch it is the one on whose side the hand is.
      const away = Math.abs(x - at) + (inside ? 0 : 0.5);
      if (away <= reach) middle.push({ segment, grip, away });
    }
    return middle;
  }

  /** @param {Segment} segment */
  #isChosen({ id }) {
    return this.bench.segments.some((one) => one.id === id);
  }

  /** Whether another segment begins or ends at the boundary that is held. @param {Hold} hold */
  #isSeam({ row, segment, grip }) {
    if (grip === "both" || !this.bench.settings.get("linked")) return false;
    return row.some((one) => one.id !== segment.id && (grip === "start" ? one.end : one.start) === segment[grip]);
  }

  /**
   * @param {PointerEvent} event
   * @param {Hold} hold
   */
  #press(event, { row, segment, grip }) {
    const { bench } = this;
    const { axis } = this.timeline;
    const toggles = event.ctrlKey || event.metaKey;
    if (event.shiftKey) this.#selectTo(row, segment);
    else if (!toggles && !this.#isChosen(segment)) bench.select("segments", segment.id);
    const one = bench.work.get("segments", segment.id);
    const clicked = () => {
      if (toggles) bench.selectAlso(segment.id, "segments");
      else if (!event.shiftKey) bench.select("segments", segment.id);
    };
    const tooSmall = grip === "both" && axis.x(segment.end) - axis.x(segment.start) < HELD;
    if (tooSmall) bench.player.go(axis.frame(this.#x(event)));
    if (!one || bench.readOnly || event.shiftKey || tooSmall) {
      clicked();
      return;
    }
    const all = bench.work.segments;
    const rules = rulesOf(bench, toggles);
    const chosen = this.#isChosen(one) ? bench.segments : [one];
    const move =
      grip === "both"
        ? this.#whole(new WholeMove(all, chosen, rules), one)
        : this.#end(new BoundaryMove(all, one, grip, rules));
    const title = grip === "both" && chosen.length > 1 ? `Move ${chosen.length} segments` : TITLES[grip];
    this.#drag(event, one[grip === "end" ? "end" : "start"], move, (changes) => {
      if (changes.length) bench.commit(title, boundaryEdits(changes));
      else clicked();
    });
  }

  /**
   * From the selected segment to this one.
   *
   * @param {Segment[]} row
   * @param {Segment} segment
   */
  #selectTo(row, segment) {
    const { bench } = this;
    const from = row.findIndex(({ id }) => id === bench.segment?.id);
    const to = row.findIndex(({ id }) => id === segment.id);
    const ids = row.slice(Math.min(from, to), Math.max(from, to) + 1).map(({ id }) => id);
    if (from < 0) bench.select("segments", segment.id);
    else bench.selectSegments([row[from].id, ...ids.filter((id) => id !== row[from].id)]);
  }

  /**
   * How a boundary goes where the hand is.
   *
   * @param {BoundaryMove} move
   * @returns {Drag}
   */
  #end(move) {
    return {
      members: move.members,
      to: (frame, target) => {
        const boundary = move.settle(target?.frame ?? Math.round(frame));
        return { changes: move.at(boundary), frame: boundary, show: move.which === "end" ? boundary - 1 : boundary };
      },
      snaps: [0],
    };
  }

  /**
   * @param {WholeMove} move
   * @param {Segment} held
   * @returns {Drag}
   */
  #whole(move, held) {
    return {
      members: move.members,
      to: (frame, target, at) => {
        const by = move.settle((target ? target.frame - at : Math.round(frame)) - held.start);
        return { changes: move.at(by), frame: held.start + by, show: held.start + by };
      },
      // Its start or its end snaps, whichever is nearer.
      snaps: [0, held.end - held.start],
    };
  }

  /**
   * @typedef {object} Drag
   * @property {Segment[]} members
   * @property {(frame: number, target: import("../models/snapping.js").Target | null, at: number) => {changes: Change[],
   *   frame: number, show: number}} to
   * @property {number[]} snaps frames from the held boundary to what may snap
   */
  /**
   * @param {PointerEvent} event
   * @param {number} boundary where the held boundary is
   * @param {Drag} drag
   * @param {(changes: Change[]) => void} done none: it was a click
   */
  #drag(event, boundary, drag, done) {
    const { timeline, bench } = this;
    const { axis } = timeline;
    const offset = axis.x(boundary) - this.#x(event);
    const targets = snapTargets(bench, drag.members);
    /** @type {Change[]} */
    let changes = [];
    let begun = false;
    const follow = (/** @type {PointerEvent} */ now) => {
      if (!begun && Math.abs(now.clientX - event.clientX) < SLOP) return;
      begun = true;
      const frame = axis.first + (this.#x(now) + offset) / axis.scale;
      const within = bench.settings.get("snap") && !now.altKey ? SNAP / axis.scale : -1;
      const hit = nearest(targets, frame, drag.snaps, within);
      const found = drag.to(frame, hit?.target ?? null, hit?.at ?? 0);
      changes = found.changes;
      this.lanes.preview(changes);
      const reached = hit && found.frame + hit.at === hit.target.frame;
      timeline.guide(reached ? hit.target.frame : found.frame, reached ? hit.target.why : "");
      // The picture shows the frame that the boundary now takes in.
      bench.player.go(found.show);
    };
    hold(event, follow, () => {
      this.lanes.preview([]);
      timeline.guide(null);
      done(begun ? changes : []);
    });
  }

  /**
   * In a gap: a click goes there, a drag draws a new segment.
   *
   * @param {PointerEvent} event
   * @param {string} level
   */
  #pressGap(event, level) {
    const { timeline, bench } = this;
    const { axis } = timeline;
    bench.useRow(level);
    const x = this.#x(event);
    const room = bench.readOnly
      ? null
      : roomAt(bench.work.segments, blankSegment("", level, 0, 1), axis.frame(x), rulesOf(bench));
    if (!room || axis.frame(x) < room.start || axis.frame(x) >= room.end) {
      bench.player.go(axis.frame(x));
      return;
    }
    const targets = snapTargets(bench, []);
    const at = (/** @type {PointerEvent} */ now) => {
      const frame = axis.first + this.#x(now) / axis.scale;
      const within = bench.settings.get("snap") && !now.altKey ? SNAP / axis.scale : -1;
      const target = targets.near(frame, within);
      return Math.max(room.start, Math.min(room.end, target?.frame ?? Math.round(frame)));
    };
    const from = at(event);
    let to = from;
    hold(
      event,
      (now) => {
        if (to === from && Math.abs(now.clientX - event.clientX) < SLOP) return;
        to = at(now);
        timeline.draft(level, Math.min(from, to), Math.max(from, to));
        timeline.guide(to, "");
        bench.player.go(to > from ? to - 1 : to);
      },
      () => {
        timeline.draft(level, 0, 0);
        timeline.guide(null);
        if (to === from) {
          bench.select(null);
          bench.player.go(axis.frame(x));
          return;
        }
        const id = newId();
        const after = blankSegment(id, level, Math.min(from, to), Math.max(from, to));
        if (bench.commit("New segment", [{ kind: "segments", id, before: null, after }])) bench.select("segments", id);
      },
    );
  }
}

/**
 * The nearest target of any of the boundaries that may snap.
 *
 * @param {import("../models/snapping.js").SnapTargets} targets
 * @param {number} frame
 * @param {number[]} snaps
 * @param {number} within
 */
function nearest(targets, frame, snaps, within) {
  const found = snaps.flatMap((at) => {
    const target = within < 0 ? null : targets.near(frame + at, within);
    return target ? [{ target, at, away: Math.abs(target.frame - frame - at) }] : [];
  });
  return found.sort((a, b) => a.away - b.away)[0] ?? null;
}

/**
 * Follow the pointer until it is let go, once per picture of the screen.
 *
 * @param {PointerEvent} event
 * @param {(now: PointerEvent) => void} follow
 * @param {() => void} done
 */
function hold(event, follow, done) {
  /** @type {PointerEvent | null} */
  let last = null;
  const step = () => {
    const now = last;
    last = null;
    if (now) follow(now);
  };
  const move = (/** @type {PointerEvent} */ now) => {
    if (now.pointerId !== event.pointerId) return;
    if (!last) requestAnimationFrame(step);
    last = now;
  };
  const stop = () => {
    step();
    for (const [name, listener] of listeners) window.removeEventListener(name, listener);
    done();
  };
  const listeners = /** @type {[string, any][]} */ ([
    ["pointermove", move],
    ["pointerup", stop],
    ["pointercancel", stop],
  ]);
  for (const [name, listener] of listeners) window.addEventListener(name, listener);
}
