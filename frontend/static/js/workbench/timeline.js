/** One time axis for everything: minimap, ruler, action segments, proposals, signals, flags and object tracks. */

import { TimeAxis } from "../models/axis.js";
import { clock } from "../models/timebase.js";
import { byId, el } from "./dom.js";
import { FlagLane } from "./flag_lane.js";
import { Minimap } from "./minimap.js";
import { Ruler } from "./ruler.js";
import { SegmentLanes } from "./segment_lanes.js";
import { SignalLanes } from "./signal_lanes.js";
import { TrackLanes } from "./track_lanes.js";

/** @typedef {import("./bench.js").Bench} Bench */

const PACE = 1.6; // how much closer a key comes

export class Timeline {
  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.axis = new TimeAxis(bench.clip.frame_count);
    this.playhead = byId("playhead");
    this.guideLine = byId("guide");
    this.guideText = el("span");
    this.guideLine.append(this.guideText);
    this.ruler = new Ruler(bench, this.axis);
    this.minimap = new Minimap(bench, this.axis, () => this.moved());
    this.segments = new SegmentLanes(this);
    this.signals = new SignalLanes(bench, this.axis);
    this.flags = new FlagLane(bench, this.axis);
    this.tracks = new TrackLanes(bench, this.axis);
    /** A segment that is being drawn. */
    this.sketch = el("div", { class: "bar sketch", hidden: true });
    byId("lanes").replaceChildren(this.segments.element, this.signals.element, this.flags.element, this.tracks.element);
    new ResizeObserver(() => this.#resize()).observe(this.ruler.canvas);
    bench.on("frame", () => this.#follow());
    bench.on("axis", (wanted) => this.#turn(wanted));
    this.#bindWheel();
    this.signals.load();
  }

  /** Draw everything as the axis lies now. */
  moved() {
    this.ruler.redraw();
    this.minimap.redraw();
    this.segments.redraw();
    this.signals.redraw();
    this.flags.redraw();
    this.tracks.redraw();
    this.#placePlayhead();
  }

  /**
   * A line through all lanes where a boundary would be, with its frame and what it snaps to.
   *
   * @param {number | null} frame null takes it away
   * @param {string} [why]
   */
  guide(frame, why = "") {
    this.guideLine.hidden = frame === null;
    if (frame === null) return;
    const x = this.axis.x(frame);
    this.guideLine.style.transform = `translateX(${this.ruler.canvas.offsetLeft + x}px)`;
    this.guideLine.classList.toggle("snapped", Boolean(why));
    this.guideLine.classList.toggle("left", x > this.axis.width * 0.7);
    this.guideText.textContent = [`${frame} · ${this.timeAt(frame)}`, why].filter(Boolean).join(" · ");
  }

  /**
   * @param {string} level
   * @param {number} start
   * @param {number} end the same as start: none
   */
  draft(level, start, end) {
    const body = this.segments.element.querySelector(`[data-level="${level}"] .lane-body`);
    this.sketch.hidden = start === end;
    body?.append(this.sketch);
    this.sketch.style.transform = `translateX(${this.axis.x(start)}px)`;
    this.sketch.style.width = `${(end - start) * this.axis.scale}px`;
  }

  /** @param {number} frame */
  timeAt(frame) {
    return clock(this.bench.player.timebase.at(frame));
  }

  #resize() {
    this.axis.width = Math.max(1, this.ruler.canvas.clientWidth);
    this.moved();
  }

  #follow() {
    const { axis, bench } = this;
    const { first } = axis;
    if (bench.player.playing) axis.turnTo(bench.frame);
    else axis.reveal(bench.frame);
    if (axis.first !== first) this.moved();
    else this.#placePlayhead();
    this.ruler.redraw();
  }

  #placePlayhead() {
    const x = this.axis.x(this.bench.frame + 0.5);
    this.playhead.hidden = x < 0 || x > this.axis.width;
    this.playhead.style.transform = `translateX(${this.ruler.canvas.offsetLeft + x}px)`;
  }

  /** @param {"in" | "out" | "whole" | "segment"} wanted */
  #turn(wanted) {
    const { axis, bench } = this;
    const chosen = bench.segments;
    if (wanted === "whole") axis.show(0, axis.count);
    else if (wanted === "segment") {
      if (!chosen.length) {
        bench.say("Select a segment first; then the time axis shows it alone.");
        return;
      }
      axis.frameOn(Math.min(...chosen.map(({ start }) => start)), Math.max(...chosen.map(({ end }) => end)));
    } else {
      const x = axis.x(bench.frame + 0.5);
      axis.zoom(wanted === "in" ? PACE : 1 / PACE, 0 <= x && x <= axis.width ? x : axis.width / 2);
    }
    this.moved();
  }

  #bindWheel() {
    const { axis } = this;
    byId("timeline").addEventListener(
      "wheel",
      (event) => {
        const x = Math.max(0, event.clientX - this.ruler.left);
        const overTime = event.target === this.ruler.canvas || event.target === this.minimap.canvas;
        if (event.ctrlKey || (overTime && !event.shiftKey)) axis.zoom(Math.exp(-event.deltaY * 0.002), x);
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          axis.scroll((event.deltaX || event.deltaY) / axis.scale);
        else return;
        event.preventDefault();
        this.moved();
      },
      { passive: false },
    );
  }
}
