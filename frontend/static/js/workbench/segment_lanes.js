/**
 * The rows of action segments and of proposed ones. What is wide enough to be held is an element, the rest is painted,
 * so that two thousand segments in sight cost as much as two hundred.
 */

import { otherTone } from "../models/bar_looks.js";
import { layRow } from "../models/row_layout.js";
import { gaps, PRIMITIVE, TASK } from "../models/segment_edits.js";
import { rows } from "../models/segments.js";
import { el, onFrame } from "./dom.js";
import { LaneMarks } from "./lane_marks.js";
import { LaneStops } from "./lane_stops.js";
import { sheet } from "./paint.js";
import { ProposedBar, SegmentBar } from "./segment_bar.js";
import { SegmentPointer } from "./segment_pointer.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {import("../models/proposals.js").Proposal} Proposal */
/** @typedef {{element: HTMLElement, show: (one: any) => void}} Bar */
/**
 * @typedef {object} Lane
 * @property {HTMLElement} element
 * @property {HTMLElement} name a button where it can be chosen
 * @property {HTMLElement} body
 * @property {HTMLCanvasElement} canvas
 * @property {Map<string | number, Bar>} bars
 * @property {{id: string | number, start: number, end: number}[]} row what it shows, by start
 * @property {LaneMarks} [marks]
 */

const HEIGHT = 24; // px of a lane, as in the style sheet
/** @type {Record<string, string>} */
const NAMES = { [TASK]: "Task", [PRIMITIVE]: "Actions" };

export class SegmentLanes {
  /** @type {Map<string, Lane>} */
  #lanes = new Map();
  /** @type {{level: string, rows: Segment[][]}[]} */
  #rows = [];
  /** Where nothing is, by row. @type {Map<string, [number, number][]>} */
  #gaps = new Map();
  /** @type {Proposal[][]} */
  #proposed = [];
  /** Bars in the other tone, of segments and of proposals. */
  #others = { segments: new Set(), proposals: new Set() };
  /** Boundaries that are being dragged, by segment. @type {Map<string, {start: number, end: number}>} */
  #preview = new Map();
  /** What the grammar says, by segment. @type {Map<string, import("./grammar_watch.js").OfSegment[]>} */
  #remarks = new Map();

  /** @param {import("./timeline.js").Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.bench = timeline.bench;
    this.axis = timeline.axis;
    this.element = el("div", { class: "segment-lanes" });
    this.redraw = onFrame(() => this.#draw());
    this.pointer = new SegmentPointer(this);
    this.stops = new LaneStops(this);
    const { bench } = this;
    bench.on("work", () => this.#read());
    bench.on("proposals", () => this.#readProposals());
    bench.on("selection readonly moments", () => this.redraw());
    bench.on("selection", () => this.stops.follow());
    bench.on("segment-remarks", () => this.#readRemarks());
    this.#readRemarks();
    this.#read();
    this.#readProposals();
  }

  /** Show boundaries as they would be; none: as they are. @param {import("../models/segment_edits.js").Change[]} changes */
  preview(changes) {
    this.#preview = new Map(changes.map(({ segment, start, end }) => [segment.id, { start, end }]));
    this.#read();
  }

  /** The row of segments that a lane shows. @param {HTMLElement} lane @returns {Segment[]} */
  rowOf(lane) {
    const found = this.#rows.find(({ level }) => level === lane.dataset.level);
    return found?.rows[Number(lane.dataset.row)] ?? [];
  }

  /** @param {string} id @returns {Lane | undefined} that a segment lies in */
  laneWith(id) {
    return [...this.#lanes.values()].find(({ row }) => row.some((one) => one.id === id));
  }

  /** @param {string} id */
  remarksOf(id) {
    return this.#remarks.get(id) ?? [];
  }

  /** Whether a bar is drawn in the other tone than the one before it. @param {string | number} id */
  isOther(id) {
    return this.#others[typeof id === "number" ? "proposals" : "segments"].has(id);
  }

  drawNow() {
    this.#draw();
  }

  #readRemarks() {
    this.#remarks = new Map();
    for (const remark of this.bench.remarksOfSegments) {
      const known = this.#remarks.get(remark.segment);
      if (known) known.push(remark);
      else this.#remarks.set(remark.segment, [remark]);
    }
    this.redraw();
  }

  #read() {
    const { work } = this.bench;
    const there = work.segments.map((one) => {
      const moved = this.#preview.get(one.id);
      return moved ? { ...one, ...moved } : one;
    });
    this.#rows = [TASK, PRIMITIVE].map((level) => {
      const found = rows(there.filter((one) => one.level === level));
      this.#gaps.set(level, gaps(there, level, this.bench.task));
      return { level, rows: found.length ? found : [[]] };
    });
    const all = this.#rows.flatMap(({ rows: found }) => found);
    this.#others.segments = new Set(all.flatMap((row) => [...otherTone(row, ({ action }) => action)]));
    this.redraw();
  }

  #readProposals() {
    this.#proposed = rows(this.bench.proposals.segments);
    this.#others.proposals = new Set(this.#proposed.flatMap((row) => [...otherTone(row, ({ label }) => label)]));
    this.redraw();
  }

  #draw() {
    const seen = new Set();
    for (const { level, rows: found } of this.#rows) {
      found.forEach((row, i) => {
        seen.add(`${level} ${i}`);
        this.#drawSegments(level, i, row);
      });
    }
    this.#proposed.forEach((row, i) => {
      seen.add(`proposed ${i}`);
      this.#drawProposed(i, row);
    });
    for (const [name, { element }] of this.#lanes) {
      if (seen.has(name)) continue;
      element.remove();
      this.#lanes.delete(name);
    }
  }

  /**
   * @param {string} level
   * @param {number} i
   * @param {Segment[]} row
   */
  #drawSegments(level, i, row) {
    const { bench, axis } = this;
    const lane = this.#lane(`${level} ${i}`, () => this.#makeLane(level, i));
    const active = bench.row === level;
    lane.element.classList.toggle("active", active);
    if (lane.name.matches("button")) lane.name.setAttribute("aria-pressed", String(active));
    this.#describe(lane, NAMES[level], row, i);
    const chosen = new Set(bench.segments.map(({ id }) => id));
    const colourOf = (/** @type {Segment} */ one) => bench.actionColour(one.action);
    const stop = this.stops.of(lane, row, ({ id }) => chosen.has(String(id)));
    const always = (/** @type {Segment} */ { id }) => chosen.has(id) || id === stop;
    const { bars, blocks, narrow } = layRow(row, axis, { colourOf, always });
    const g = this.#paint(lane, blocks);
    if (i === 0) this.#paintGaps(g, level);
    if (level === PRIMITIVE && i === 0) this.#paintMoments(g);
    this.#sync(lane, bars, () => new SegmentBar(this));
    this.stops.mark(lane, stop);
    lane.marks?.show(narrow, (id) => this.remarksOf(id));
  }

  /**
   * @param {number} i
   * @param {Proposal[]} row
   */
  #drawProposed(i, row) {
    const { bench, axis } = this;
    const lane = this.#lane(`proposed ${i}`, () =>
      this.#put("proposed", el("span", { class: "lane-name" }, i ? "" : "Proposed")),
    );
    const colourOf = (/** @type {Proposal} */ one) => bench.actionColour(one.label);
    this.#describe(lane, "Proposed", row, i);
    const isChosen = (/** @type {{id: string | number}} */ { id }) => bench.proposal?.id === id;
    const stop = this.stops.of(lane, row, isChosen);
    const { bars, blocks } = layRow(row, axis, { colourOf, always: (one) => isChosen(one) || one.id === stop });
    this.#paint(lane, blocks, 0.5);
    this.#sync(lane, bars, () => new ProposedBar(this));
    this.stops.mark(lane, stop);
  }

  /**
   * @param {Lane} lane
   * @param {string} name
   * @param {Lane["row"]} row
   * @param {number} i of the rows of this name
   */
  #describe(lane, name, row, i) {
    lane.row = row;
    const told = `${i ? `${name}, row ${i + 1}` : name}: ${row.length} ${row.length === 1 ? "segment" : "segments"}`;
    if (lane.element.ariaLabel !== told) lane.element.ariaLabel = told;
  }

  /**
   * @param {string} name
   * @param {() => Lane} make
   */
  #lane(name, make) {
    const lane = this.#lanes.get(name) ?? make();
    this.#lanes.set(name, lane);
    return lane;
  }

  /**
   * @param {string} level
   * @param {number} i
   */
  #makeLane(level, i) {
    const { bench } = this;
    const title = "New segments go to this row; Alt+W changes it";
    const use = { type: "button", class: "lane-name", title, onclick: () => bench.useRow(level) };
    const name = i ? el("span", { class: "lane-name" }) : el("button", use, NAMES[level]);
    const lane = this.#put("segments", name);
    lane.marks = new LaneMarks(this, lane.body);
    Object.assign(lane.element.dataset, { level, row: String(i) });
    this.pointer.bind(lane.element, lane.body);
    return lane;
  }

  /**
   * @param {string} kind
   * @param {HTMLElement} name
   * @returns {Lane}
   */
  #put(kind, name) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const body = el("div", { class: "lane-body" }, canvas);
    const element = el("div", { class: `lane ${kind}`, role: "toolbar", "aria-orientation": "horizontal" }, name, body);
    // Proposed rows stand below the rows that they are accepted into.
    const after = [...this.element.children].filter((one) => kind !== "segments" || one.matches(".segments")).at(-1);
    if (after) after.after(element);
    else this.element.prepend(element);
    /** @type {Lane} */
    const lane = { element, name, body, canvas, bars: new Map(), row: [] };
    this.stops.bind(lane);
    return lane;
  }

  /**
   * @param {Lane} lane
   * @param {import("../models/row_layout.js").Block[]} blocks
   * @param {number} [strength]
   */
  #paint({ canvas }, blocks, strength = 0.8) {
    const { g, colour } = sheet(canvas, this.axis.width, HEIGHT);
    g.globalAlpha = strength;
    for (const { x, width, colour: fill } of blocks) {
      g.fillStyle = fill;
      g.fillRect(x, 3, width, HEIGHT - 7);
    }
    g.globalAlpha = 1;
    return { g, colour };
  }

  /**
   * @param {{g: CanvasRenderingContext2D, colour: (name: string) => string}} sheet
   * @param {string} level
   */
  #paintGaps({ g, colour }, level) {
    const { axis } = this;
    g.strokeStyle = colour("--gap");
    g.lineWidth = 1;
    g.beginPath();
    for (const [start, end] of this.#gaps.get(level) ?? []) {
      const [from, to] = [Math.max(0, axis.x(start)), Math.min(axis.width, axis.x(end))];
      if (to - from < 2) continue;
      for (let x = Math.floor(from / 6) * 6; x < to + 12; x += 6) {
        // A slanted line, cut off at the ends of the gap.
        const [low, high] = [Math.max(from, Math.min(to, x - 12)), Math.max(from, Math.min(to, x))];
        if (high - low < 1) continue;
        g.moveTo(low, HEIGHT - 5 - (low - x + 12));
        g.lineTo(high, HEIGHT - 5 - (high - x + 12));
      }
    }
    g.stroke();
  }

  /**
   * Where the motion starts, rests and stops, at the foot of the row: boundaries snap there.
   *
   * @param {{g: CanvasRenderingContext2D, colour: (name: string) => string}} sheet
   */
  #paintMoments({ g, colour }) {
    const { axis, bench } = this;
    g.fillStyle = colour("--moment");
    for (const { frame } of bench.moments.within(axis.first, axis.end)) {
      g.fillRect(Math.round(axis.x(frame)) - 0.5, HEIGHT - 5, 1.5, 4);
    }
  }

  /**
   * @template {{id: string | number, start: number, end: number}} T
   * @param {Lane} lane
   * @param {T[]} wanted
   * @param {() => Bar} make
   */
  #sync(lane, wanted, make) {
    const { axis } = this;
    const seen = new Set();
    for (const one of wanted) {
      seen.add(one.id);
      let bar = lane.bars.get(one.id);
      if (!bar) {
        bar = make();
        lane.bars.set(one.id, bar);
        lane.body.append(bar.element);
      }
      bar.show(one);
      const x = axis.x(one.start);
      bar.element.style.transform = `translateX(${x}px)`;
      bar.element.style.width = `${Math.max(3, axis.x(one.end) - x - 1)}px`;
      // A name stays in sight while any of its bar is.
      bar.element.style.setProperty("--cut", `${Math.max(0, -x)}px`);
    }
    for (const [id, { element }] of lane.bars) {
      if (seen.has(id)) continue;
      const focused = element === document.activeElement;
      element.remove();
      lane.bars.delete(id);
      if (focused) this.stops.lost(lane);
    }
  }
}
