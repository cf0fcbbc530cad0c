/** One time axis for everything: ruler with keyframes and decoded frames, action segments, object tracks. */

import { TimeAxis } from "../models/axis.js";
import { spans } from "../models/frame_plan.js";
import { rows } from "../models/segments.js";
import { clock } from "../models/timebase.js";
import { byId, el, onFrame } from "./dom.js";
import { SegmentBar } from "./segment_bar.js";
import { TrackLanes } from "./track_lanes.js";

/** @typedef {import("./bench.js").Bench} Bench */

export class Timeline {
  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.axis = new TimeAxis(bench.clip.frame_count);
    this.ruler = /** @type {HTMLCanvasElement} */ (byId("ruler"));
    this.lanes = byId("lanes");
    this.playhead = byId("playhead");
    this.tracks = new TrackLanes(bench, this.axis);
    /** @type {any[]} */
    this.flags = [];
    this.redrawRuler = onFrame(() => this.#drawRuler());
    this.redrawLanes = onFrame(() => this.#drawLanes());
    new ResizeObserver(() => this.#resize()).observe(this.ruler);
    bench.on("work selection proposals readonly", () => this.redrawLanes());
    bench.on("frame", () => this.#follow());
    bench.on("flags", (flags) => {
      this.flags = flags;
      this.redrawRuler();
    });
    bench.player.on("buffer wanted", () => this.redrawRuler());
    this.#bindPointer();
  }

  #resize() {
    const { width, height } = this.ruler.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.ruler.width = Math.round(width * ratio);
    this.ruler.height = Math.round(height * ratio);
    this.axis.width = Math.max(1, width);
    this.#drawRuler();
    this.#drawLanes();
    this.#placePlayhead();
  }

  #follow() {
    const { first } = this.axis;
    this.axis.reveal(this.bench.frame);
    if (this.axis.first !== first) this.redrawLanes();
    this.redrawRuler();
    this.#placePlayhead();
  }

  #placePlayhead() {
    const gutter = this.ruler.offsetLeft;
    this.playhead.style.transform = `translateX(${gutter + this.axis.x(this.bench.frame + 0.5)}px)`;
  }

  // ---- ruler

  #bindPointer() {
    const { ruler, axis, bench } = this;
    const seek = (/** @type {PointerEvent} */ event) =>
      bench.player.go(axis.frame(event.clientX - ruler.getBoundingClientRect().left));
    ruler.addEventListener("pointerdown", (event) => {
      ruler.setPointerCapture(event.pointerId);
      seek(event);
    });
    ruler.addEventListener("pointermove", (event) => {
      if (ruler.hasPointerCapture(event.pointerId)) seek(event);
    });
    byId("timeline").addEventListener(
      "wheel",
      (event) => {
        const x = event.clientX - ruler.getBoundingClientRect().left;
        if (event.ctrlKey || event.target === ruler) axis.zoom(Math.exp(-event.deltaY * 0.002), x);
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          axis.scroll((event.deltaX || event.deltaY) / axis.scale);
        else return;
        event.preventDefault();
        this.redrawRuler();
        this.redrawLanes();
        this.#placePlayhead();
      },
      { passive: false },
    );
  }

  #drawRuler() {
    const { axis, bench, ruler } = this;
    const g = /** @type {CanvasRenderingContext2D} */ (ruler.getContext("2d"));
    const ratio = window.devicePixelRatio || 1;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    const height = ruler.height / ratio;
    g.clearRect(0, 0, axis.width, height);
    const colour = (/** @type {string} */ name) => getComputedStyle(ruler).getPropertyValue(name);
    g.fillStyle = colour("--task-span");
    g.fillRect(axis.x(bench.task.start), 0, axis.x(bench.task.end) - axis.x(bench.task.start), height);
    this.#drawTicks(g, height, colour);
    g.fillStyle = colour("--decoded");
    for (const [start, end] of spans(bench.player.frames.held)) {
      g.fillRect(axis.x(start), height - 3, Math.max(1, axis.x(end) - axis.x(start)), 3);
    }
    for (const frame of bench.clip.keyframes ?? []) {
      this.#diamond(
        g,
        axis.x(frame + 0.5),
        height - 9,
        bench.task.frames.includes(frame) ? colour("--key-task") : colour("--key"),
      );
    }
    for (const flag of this.flags) {
      g.fillStyle = colour("--flag");
      g.fillRect(axis.x(flag.start), 0, Math.max(2, axis.x(flag.end) - axis.x(flag.start)), 2);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {number} height
   * @param {(name: string) => string} colour
   */
  #drawTicks(g, height, colour) {
    const { axis } = this;
    const step = axis.tick();
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "top";
    for (let frame = Math.ceil(axis.first / step) * step; frame < axis.end; frame += step) {
      const x = Math.round(axis.x(frame)) + 0.5;
      g.fillStyle = colour("--tick");
      g.fillRect(x, 4, 1, height - 4);
      g.fillStyle = colour("--tick-text");
      g.fillText(String(frame), x + 4, 4);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {number} x
   * @param {number} y
   * @param {string} colour
   */
  #diamond(g, x, y, colour) {
    g.fillStyle = colour;
    g.beginPath();
    g.moveTo(x, y - 4);
    g.lineTo(x + 4, y);
    g.lineTo(x, y + 4);
    g.lineTo(x - 4, y);
    g.fill();
  }

  // ---- lanes

  #drawLanes() {
    // A bar under the pointer must not be taken away from it.
    if (this.lanes.querySelector(".dragging")) return;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.segment : undefined;
    this.lanes.replaceChildren(...this.#segmentLanes(), ...this.#proposedLanes(), this.tracks.element);
    this.tracks.redraw();
    if (focused) /** @type {HTMLElement | null} */ (this.lanes.querySelector(`[data-segment="${focused}"]`))?.focus();
  }

  #segmentLanes() {
    /** @type {HTMLElement[]} */
    const lanes = [];
    for (const [level, name] of [
      ["task", "Task level"],
      ["primitive", "Actions"],
    ]) {
      const found = rows(this.bench.work.segments.filter((segment) => segment.level === level));
      if (!found.length && level === "primitive") found.push([]);
      for (const row of found) {
        const bars = row.map((one) => new SegmentBar(this, one).element);
        lanes.push(this.#lane(row === found[0] ? name : "", "segments", bars));
      }
    }
    return lanes;
  }

  #proposedLanes() {
    return rows(this.bench.proposals.segments).map((row, i) => {
      const bars = row.map((one) => this.#proposedBar(one));
      return this.#lane(i ? "" : "Proposed", "proposed", bars);
    });
  }

  /**
   * @param {string} name
   * @param {string} kind
   * @param {HTMLElement[]} bars
   * @param {HTMLElement} [title]
   */
  #lane(name, kind, bars, title) {
    return el(
      "div",
      { class: `lane ${kind}` },
      title ?? el("span", { class: "lane-name" }, name),
      el("div", { class: "lane-body" }, ...bars),
    );
  }

  /**
   * @param {HTMLElement} bar
   * @param {number} start
   * @param {number} end
   */
  place(bar, start, end) {
    bar.style.left = `${this.axis.x(start)}px`;
    bar.style.width = `${Math.max(3, (end - start) * this.axis.scale - 1)}px`;
  }

  /** @param {import("../models/proposals.js").Proposal} proposal */
  #proposedBar(proposal) {
    const { bench } = this;
    const name = [proposal.details?.phase, proposal.label].filter(Boolean).join(" · ");
    const bar = el(
      "button",
      {
        type: "button",
        class: "bar proposed",
        "aria-pressed": String(bench.proposal?.id === proposal.id),
        title: `${name}, confidence ${proposal.confidence.toFixed(2)}: A accepts, X rejects`,
        onclick: () => {
          bench.select("proposals", proposal.id);
          bench.player.go(proposal.start);
        },
      },
      el("span", { class: "bar-text" }, name || "segment"),
    );
    bar.style.setProperty("--bar", bench.actionColour(proposal.label));
    this.place(bar, proposal.start, proposal.end);
    return bar;
  }

  /** @param {number} frame */
  timeAt(frame) {
    return clock(this.bench.player.timebase.at(frame));
  }
}
