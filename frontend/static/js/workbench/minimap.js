/** The whole clip in a strip: its segments, its flags, the playhead, and the window that the time axis shows. */

import { TimeAxis } from "../models/axis.js";
import { layRow } from "../models/row_layout.js";
import { PRIMITIVE, TASK } from "../models/segment_edits.js";
import { rows } from "../models/segments.js";
import { byId, onFrame } from "./dom.js";
import { sheet } from "./paint.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/work.js").Segment} Segment */

const EDGE = 6; // px at either end of the window that take the end and not the window

export class Minimap {
  /** @type {{level: string, row: Segment[]}[]} */
  #rows = [];
  /** The width that the still picture was drawn for; -1: it is no longer right. */
  #stale = -1;

  /**
   * @param {Bench} bench
   * @param {TimeAxis} axis
   * @param {() => void} moved
   */
  constructor(bench, axis, moved) {
    this.bench = bench;
    this.axis = axis;
    this.moved = moved;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("minimap"));
    this.whole = new TimeAxis(axis.count);
    this.still = document.createElement("canvas");
    this.redraw = onFrame(() => this.#draw());
    this.#bindPointer();
    const read = () => {
      const { segments } = bench.work;
      this.#rows = [TASK, PRIMITIVE].flatMap((level) =>
        rows(segments.filter((one) => one.level === level)).map((row) => ({ level, row })),
      );
      this.#stale = -1;
      this.redraw();
    };
    bench.on("work", read);
    bench.on("flags segment-remarks", read);
    bench.on("frame", () => this.redraw());
    read();
  }

  #draw() {
    const { bench, axis, whole, canvas } = this;
    const height = canvas.clientHeight;
    whole.width = Math.max(1, canvas.clientWidth);
    const { g, colour } = sheet(canvas, whole.width, height);
    if (this.#stale !== whole.width) this.#drawStill(height);
    g.drawImage(this.still, 0, 0, whole.width, height);
    const [left, right] = [whole.x(axis.first), whole.x(axis.end)];
    g.fillStyle = colour("--veil");
    g.fillRect(0, 0, left, height);
    g.fillRect(right, 0, whole.width - right, height);
    g.strokeStyle = colour("--window");
    g.strokeRect(left + 0.5, 0.5, Math.max(3, right - left - 1), height - 1);
    g.fillStyle = colour("--flag");
    g.fillRect(whole.x(bench.frame + 0.5), 0, 1, height);
  }

  /** What changes with the work alone, once for many windows. @param {number} height */
  #drawStill(height) {
    const { bench, whole } = this;
    this.#stale = whole.width;
    const { g } = sheet(this.still, whole.width, height);
    const flag = getComputedStyle(this.canvas).getPropertyValue("--flag");
    for (const { level, row } of this.#rows) {
      const how = { colourOf: (/** @type {Segment} */ one) => bench.actionColour(one.action), always: () => false };
      const [top, size] = level === TASK ? [3, 4] : [9, 6];
      for (const { x, width, colour: fill } of layRow(row, whole, { ...how, least: Infinity }).blocks) {
        g.fillStyle = fill;
        g.fillRect(x, top, width, size);
      }
    }
    // Where a rule is broken, at the foot: the whole clip is the farthest that one can be out.
    const inks = { warning: "--doubtful", error: "--broken" };
    for (const [severity, ink] of Object.entries(inks)) {
      g.fillStyle = getComputedStyle(this.canvas).getPropertyValue(ink);
      for (const remark of bench.remarksOfSegments)
        if (remark.severity === severity) g.fillRect(Math.round(whole.x(remark.start)), height - 2, 2, 2);
    }
    g.fillStyle = flag;
    for (const { start } of bench.flags) g.fillRect(whole.x(start), 0, 2, 2);
  }

  /** Drag the window or its ends; a press beside it brings it there. */
  #bindPointer() {
    const { canvas, whole, axis } = this;
    /** @type {{grip: "start" | "end" | "both", offset: number} | null} */
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      const x = event.offsetX;
      const [left, right] = [whole.x(axis.first), whole.x(axis.end)];
      const span = axis.end - axis.first;
      if (span < axis.count && Math.abs(x - left) < EDGE && x < right) held = { grip: "start", offset: 0 };
      else if (span < axis.count && Math.abs(x - right) < EDGE) held = { grip: "end", offset: 0 };
      else {
        if (x < left || x > right) axis.show(x / whole.scale - span / 2, span);
        held = { grip: "both", offset: x / whole.scale - axis.first };
      }
      canvas.setPointerCapture(event.pointerId);
      this.moved();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      const frame = event.offsetX / whole.scale;
      if (held.grip === "both") axis.show(frame - held.offset, axis.end - axis.first);
      else if (held.grip === "start") axis.showFrom(frame, axis.end);
      else axis.showFrom(axis.first, frame);
      this.moved();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        held = null;
      });
    }
    canvas.addEventListener("dblclick", () => {
      axis.show(0, axis.count);
      this.moved();
    });
  }
}
