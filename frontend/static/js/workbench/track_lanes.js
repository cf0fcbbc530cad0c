/** A lane for every object under the time axis: who made its masks, where it is outside or lacks, where it drifts. */

import { dips, dipThreshold } from "../models/drift.js";
import { rowsInSight } from "../models/object_list.js";
import { laneOf, stateAt } from "../models/track_lane.js";
import { byId, el, onFrame, swatch } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/axis.js").TimeAxis} TimeAxis */
/** @typedef {import("../models/work.js").Track} Track */
/** @typedef {{element: HTMLElement, canvas: HTMLCanvasElement}} Lane */

const HEIGHT = 30; // px of a lane, as in the style sheet
const BAR = { top: 5, height: 9 };
const RIBBON = { top: 18, height: 9 };
const KEYFRAME = 3.5; // px from its middle to a corner

export class TrackLanes {
  /** @type {Map<string, Lane>} */
  #lanes = new Map();

  /**
   * @param {Bench} bench
   * @param {TimeAxis} axis
   */
  constructor(bench, axis) {
    this.bench = bench;
    this.axis = axis;
    this.scroller = byId("lanes");
    this.element = el("div", { class: "track-lanes" });
    this.redraw = onFrame(() => this.#draw());
    bench.on("work selection shown drift carrying", () => this.redraw());
    this.scroller.addEventListener("scroll", () => this.redraw(), { passive: true });
  }

  #draw() {
    const tracks = this.bench.work.tracks;
    this.element.style.height = `${tracks.length * HEIGHT}px`;
    const [first, end] = rowsInSight({
      count: tracks.length,
      height: HEIGHT,
      top: this.scroller.scrollTop - this.element.offsetTop,
      room: this.scroller.clientHeight,
      spare: 2,
    });
    const seen = new Set();
    tracks.slice(first, end).forEach((track, i) => {
      seen.add(track.id);
      const lane = this.#lanes.get(track.id) ?? this.#make(track);
      lane.element.style.top = `${(first + i) * HEIGHT}px`;
      this.#paint(track, lane);
    });
    for (const [id, { element }] of this.#lanes) {
      if (seen.has(id)) continue;
      element.remove();
      this.#lanes.delete(id);
    }
  }

  /** @param {Track} track */
  #make(track) {
    const { bench } = this;
    const canvas = el("canvas", { "aria-hidden": "true" });
    const name = el("button", { type: "button", class: "lane-name", tabindex: "-1" });
    name.addEventListener("click", () => bench.select("tracks", track.id));
    const body = el("div", { class: "lane-body" }, canvas);
    body.addEventListener("click", (event) => {
      bench.select("tracks", track.id);
      bench.player.go(this.axis.frame(event.clientX - body.getBoundingClientRect().left));
    });
    body.addEventListener("pointermove", (event) => {
      const frame = this.axis.frame(event.clientX - body.getBoundingClientRect().left);
      const said = stateAt(bench.work.masksOf(track.id), frame, bench.task.end);
      const title = `Object ${track.number}, frame ${frame}: ${said}`;
      if (body.title !== title) body.title = title;
    });
    const element = el("div", { class: "lane track", "data-track": track.id }, name, body);
    this.element.append(element);
    const lane = { element, canvas };
    this.#lanes.set(track.id, lane);
    return lane;
  }

  /**
   * @param {Track} track
   * @param {Lane} lane
   */
  #paint(track, { element, canvas }) {
    const { bench, axis } = this;
    element.classList.toggle("selected", bench.track?.id === track.id);
    const name = /** @type {HTMLElement} */ (element.firstElementChild);
    const title = `${track.number} ${track.label}`;
    if (name.dataset.title !== title + bench.colourOf(track.label)) {
      name.dataset.title = title + bench.colourOf(track.label);
      name.title = title;
      name.replaceChildren(swatch(bench.colourOf(track.label)), el("span", { class: "grow" }, title));
    }
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(axis.width * ratio), Math.round(HEIGHT * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, axis.width, HEIGHT);
    const style = getComputedStyle(this.scroller);
    new LanePainter(g, axis, bench.colourOf(track.label), style).draw(
      laneOf(bench.work.masksOf(track.id), bench.task.end),
      bench.drift.of(track.id),
      bench.carrying.framesOf(track.id),
    );
  }
}

/** Draws one lane. What is told apart by colour is told apart by form, too. */
export class LanePainter {
  /**
   * @param {CanvasRenderingContext2D} g
   * @param {TimeAxis} axis
   * @param {string} colour
   * @param {CSSStyleDeclaration} style
   */
  constructor(g, axis, colour, style) {
    this.g = g;
    this.axis = axis;
    this.colour = colour;
    this.style = style;
  }

  /**
   * @param {import("../models/track_lane.js").Lane} lane
   * @param {Map<number, number>} drift
   * @param {{arrived: Iterable<number>, changed: Iterable<number>}} carried
   */
  draw(lane, drift, carried) {
    for (const run of lane.runs) this.#run(run);
    for (const [start, end] of lane.missing) this.#line(start, end, [2, 3]);
    for (const [start, end] of lane.outside) this.#outside(start, end);
    for (const frame of carried.arrived) this.#frame(frame, BAR.top - 3, 2, this.#ink("--lane-arrived"));
    for (const frame of carried.changed) this.#frame(frame, BAR.top - 3, 2, this.#ink("--lane-changed"));
    for (const frame of lane.keyframes) this.#keyframe(frame);
    this.#ribbon(drift);
  }

  /** @param {string} name */
  #ink(name) {
    return this.style.getPropertyValue(name);
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {[number, number]} x and width, px
   */
  #span(start, end) {
    const x = this.axis.x(start);
    return [x, Math.max(1.5, this.axis.x(end) - x - (this.axis.scale > 4 ? 1 : 0))];
  }

  /** @param {import("../models/track_lane.js").Run} run */
  #run({ start, end, source, occluded }) {
    const { g } = this;
    const [x, width] = this.#span(start, end);
    if (x > this.axis.width || x + width < 0) return;
    const { top, height } = BAR;
    g.fillStyle = this.colour;
    // A person's masks are whole, a model's a frame, what was carried is striped.
    if (source === "person") g.fillRect(x, top, width, height);
    else {
      g.globalAlpha = 0.3;
      g.fillRect(x, top, width, height);
      g.globalAlpha = 1;
      if (source === "model") {
        g.strokeStyle = this.colour;
        g.strokeRect(x + 0.5, top + 0.5, Math.max(0.5, width - 1), height - 1);
      } else this.#stripes(x, width, source === "propagated");
    }
    if (occluded) {
      g.fillStyle = this.#ink("--lane-ink");
      g.fillRect(x, top + height - 2, width, 1.5);
    }
  }

  /**
   * @param {number} x
   * @param {number} width
   * @param {boolean} slanted propagated; else interpolated, upright
   */
  #stripes(x, width, slanted) {
    const { g } = this;
    const { top, height } = BAR;
    g.save();
    g.beginPath();
    g.rect(x, top, width, height);
    g.clip();
    g.beginPath();
    const lean = slanted ? height : 0;
    const from = Math.max(x, 0) - lean;
    const until = Math.min(x + width, this.axis.width);
    for (let at = Math.floor(from / 5) * 5; at < until; at += 5) {
      g.moveTo(at, top + height);
      g.lineTo(at + lean, top);
    }
    g.strokeStyle = this.colour;
    g.lineWidth = 1.5;
    g.stroke();
    g.restore();
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {number[]} dash
   */
  #line(start, end, dash) {
    const { g } = this;
    const [x, width] = this.#span(start, end);
    g.setLineDash(dash);
    g.strokeStyle = this.#ink("--lane-line");
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, BAR.top + BAR.height / 2);
    g.lineTo(x + width, BAR.top + BAR.height / 2);
    g.stroke();
    g.setLineDash([]);
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  #outside(start, end) {
    const { g } = this;
    this.#line(start, end, []);
    const x = this.axis.x(start + 0.5);
    const y = BAR.top + BAR.height / 2;
    g.strokeStyle = this.#ink("--lane-ink");
    g.lineWidth = 1.5;
    g.beginPath();
    for (const way of [1, -1]) {
      g.moveTo(x - 3, y - 3 * way);
      g.lineTo(x + 3, y + 3 * way);
    }
    g.stroke();
  }

  /**
   * @param {number} frame
   * @param {number} top
   * @param {number} height
   * @param {string} colour
   */
  #frame(frame, top, height, colour) {
    const [x, width] = this.#span(frame, frame + 1);
    this.g.fillStyle = colour;
    this.g.fillRect(x, top, width, height);
  }

  /** @param {number} frame */
  #keyframe(frame) {
    const { g } = this;
    const x = this.axis.x(frame + 0.5);
    const y = BAR.top + BAR.height / 2;
    g.beginPath();
    g.moveTo(x, y - KEYFRAME);
    g.lineTo(x + KEYFRAME, y);
    g.lineTo(x, y + KEYFRAME);
    g.lineTo(x - KEYFRAME, y);
    g.closePath();
    g.fillStyle = "#fff";
    g.fill();
    g.strokeStyle = "rgb(0 0 0 / 65%)";
    g.lineWidth = 1;
    g.stroke();
  }

  /** The agreement of each mask with the next one: the less, the higher the bar. @param {Map<number, number>} drift */
  #ribbon(drift) {
    if (!drift.size) return;
    const limit = dipThreshold(drift.values());
    const worst = new Set(dips(drift));
    for (const [frame, value] of drift) {
      const [x, width] = this.#span(frame, frame + 1);
      if (x > this.axis.width || x + width < 0) continue;
      const height = Math.max(1, (1 - value) * RIBBON.height);
      this.g.fillStyle = value < limit ? this.#ink("--lane-dip") : this.#ink("--lane-ribbon");
      this.g.fillRect(x, RIBBON.top + RIBBON.height - height, width, height);
      if (worst.has(frame)) this.#frame(frame, RIBBON.top - 2, 1.5, this.#ink("--lane-dip"));
    }
  }
}
