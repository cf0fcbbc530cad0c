/** The ruler of the time axis: frames, decoded ones, keyframes and flags; a press goes there. */

import { spans } from "../models/frame_plan.js";
import { clock } from "../models/timebase.js";
import { byId, onFrame } from "./dom.js";
import { sheet } from "./paint.js";

/** @typedef {import("./bench.js").Bench} Bench */

const APART = 9; // px between the middles of two keyframes

export class Ruler {
  /**
   * @param {Bench} bench
   * @param {import("../models/axis.js").TimeAxis} axis
   */
  constructor(bench, axis) {
    this.bench = bench;
    this.axis = axis;
    const must = new Set(bench.task.frames);
    /** @type {number[]} */
    const all = bench.clip.keyframes ?? [];
    this.keyframes = { must: all.filter((frame) => must.has(frame)), other: all.filter((frame) => !must.has(frame)) };
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("ruler"));
    this.redraw = onFrame(() => this.#draw());
    this.#bindPointer();
    bench.on("flags", () => this.redraw());
    bench.player.on("buffer wanted", () => this.redraw());
  }

  get left() {
    return this.canvas.getBoundingClientRect().left;
  }

  #bindPointer() {
    const { canvas, axis, bench } = this;
    const seek = (/** @type {PointerEvent} */ event) => bench.player.go(axis.frame(event.clientX - this.left));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) seek(event);
    });
  }

  #draw() {
    const { axis, bench, canvas } = this;
    const height = canvas.clientHeight;
    const { g, colour } = sheet(canvas, axis.width, height);
    g.fillStyle = colour("--task-span");
    g.fillRect(axis.x(bench.task.start), 0, axis.x(bench.task.end) - axis.x(bench.task.start), height);
    this.#ticks(g, height, colour);
    g.fillStyle = colour("--decoded");
    for (const [start, end] of spans(bench.player.frames.held)) {
      g.fillRect(axis.x(start), height - 3, Math.max(1, axis.x(end) - axis.x(start)), 3);
    }
    this.#keyframes(g, height - 9, colour);
    g.fillStyle = colour("--flag");
    for (const { start, end } of bench.flags) {
      g.fillRect(axis.x(start), 0, Math.max(2, axis.x(end) - axis.x(start)), 2);
    }
  }

  /**
   * Keyframes of the clip, those that must be complete in another colour; from afar one stands for those beside it.
   *
   * @param {CanvasRenderingContext2D} g
   * @param {number} y
   * @param {(name: string) => string} colour
   */
  #keyframes(g, y, colour) {
    const { axis } = this;
    const inks = { must: colour("--key-task"), other: colour("--key") };
    for (const kind of /** @type {const} */ (["other", "must"])) {
      g.fillStyle = inks[kind];
      g.beginPath();
      let last = -Infinity;
      for (const frame of this.keyframes[kind]) {
        const x = axis.x(frame + 0.5);
        if (x < -4 || x > axis.width + 4 || x - last < APART) continue;
        last = x;
        diamond(g, x, y);
      }
      g.fill();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {number} height
   * @param {(name: string) => string} colour
   */
  #ticks(g, height, colour) {
    const { axis, bench } = this;
    const step = axis.tick(110);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "top";
    for (let frame = Math.ceil(axis.first / step) * step; frame < axis.end; frame += step) {
      const x = Math.round(axis.x(frame)) + 0.5;
      g.fillStyle = colour("--tick");
      g.fillRect(x, 4, 1, height - 4);
      g.fillStyle = colour("--tick-text");
      const text = String(frame);
      g.fillText(text, x + 4, 4);
      const after = x + 8 + g.measureText(text).width;
      g.fillStyle = colour("--tick-time");
      g.fillText(clock(bench.player.timebase.at(frame)), after, 4);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} g
 * @param {number} x
 * @param {number} y
 */
function diamond(g, x, y) {
  g.moveTo(x, y - 4);
  g.lineTo(x + 4, y);
  g.lineTo(x, y + 4);
  g.lineTo(x - 4, y);
  g.closePath();
}
