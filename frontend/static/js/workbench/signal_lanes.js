/** Lanes of what was measured of the clip or recorded with it: the extremes under each pixel, fetched as they are seen. */

import { get } from "../api.js";
import { rowsInSight } from "../models/object_list.js";
import { SignalTiles } from "../models/signal_tiles.js";
import { SnapTargets } from "../models/snapping.js";
import { byId, el, onFrame } from "./dom.js";
import { sheet } from "./paint.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {{name: string, title: string, unit: string, origin: string, low: number, high: number}} Signal */
/** @typedef {{element: HTMLElement, canvas: HTMLCanvasElement, value: HTMLElement}} Lane */
/** @typedef {import("../models/signal_tiles.js").Tile} Tile */

const HEIGHT = 32; // px of a lane, as in the style sheet
const FEW = 4; // lanes that are shown until one asks for all
/** @type {Record<string, string>} */
const KINDS = { start: "motion starts", stop: "motion stops", rest: "motion rests", change: "signal changes" };

export class SignalLanes {
  /** @type {Signal[]} */
  #signals = [];
  /** @type {Map<string, Lane>} */
  #lanes = new Map();

  /**
   * @param {Bench} bench
   * @param {import("../models/axis.js").TimeAxis} axis
   */
  constructor(bench, axis) {
    this.bench = bench;
    this.axis = axis;
    this.scroller = byId("lanes");
    this.body = el("div", { class: "signal-body" });
    this.more = el("button", { type: "button", class: "lane-more", onclick: () => this.#toggle() });
    this.note = el("p", { class: "lane-note" });
    this.element = el("div", { class: "signal-lanes", hidden: true }, this.body, this.more, this.note);
    this.redraw = onFrame(() => this.#draw());
    this.tiles = new SignalTiles(bench.clip.frame_count, (asked) => this.#fetch(asked), { changed: this.redraw });
    this.scroller.addEventListener("scroll", () => this.redraw(), { passive: true });
    bench.on("frame", () => this.#tellValues());
    bench.on("clip-changed", () => this.load());
    bench.settings.on("change", (name) => name === "signals" && this.redraw());
  }

  /** Ask which signals there are; without an answer the axis works without them. */
  async load() {
    const told = await get(`clips/${this.bench.clip.id}/signals/`).catch(() => null);
    if (!told) return;
    this.#signals = told.lanes;
    this.tiles.clear();
    this.bench.moments = new SnapTargets(
      told.moments.map((/** @type {any} */ { frame, kind }) => ({ frame, why: KINDS[kind] ?? kind, rank: 2 })),
    );
    this.note.textContent = told.problems.join(" ");
    this.note.hidden = !told.problems.length;
    this.element.hidden = !this.#signals.length && !told.problems.length;
    this.bench.emit("moments");
    this.redraw();
  }

  get #shown() {
    return this.bench.settings.get("signals") ? this.#signals : this.#signals.slice(0, FEW);
  }

  #toggle() {
    this.bench.settings.set("signals", !this.bench.settings.get("signals"));
  }

  /** @param {import("../models/signal_tiles.js").Request} asked */
  async #fetch({ start, end, step, names }) {
    const lanes = names.map((name) => `&lane=${encodeURIComponent(name)}`).join("");
    const path = `clips/${this.bench.clip.id}/signals/values/?start=${start}&end=${end}&step=${step}${lanes}`;
    const answer = await get(path).catch(() => null);
    return answer?.lanes ?? null;
  }

  #draw() {
    const signals = this.#shown;
    const all = this.#signals.length;
    this.more.hidden = all <= FEW;
    this.more.textContent = signals.length < all ? `${all - signals.length} more signals` : `Only ${FEW} signals`;
    this.body.style.height = `${signals.length * HEIGHT}px`;
    const [first, end] = rowsInSight({
      count: signals.length,
      height: HEIGHT,
      top: this.scroller.scrollTop - this.element.offsetTop,
      room: this.scroller.clientHeight,
      spare: 1,
    });
    const seen = signals.slice(first, end);
    const names = new Set(seen.map(({ name }) => name));
    for (const [name, { element }] of this.#lanes) {
      if (names.has(name)) continue;
      element.remove();
      this.#lanes.delete(name);
    }
    if (this.element.hidden) return;
    this.tiles.want([...names], this.axis);
    seen.forEach((signal, i) => {
      const lane = this.#lanes.get(signal.name) ?? this.#make(signal);
      lane.element.style.top = `${(first + i) * HEIGHT}px`;
      this.#paint(signal, lane);
    });
    this.#tellValues();
  }

  /** @param {Signal} signal */
  #make(signal) {
    const { bench } = this;
    const canvas = el("canvas", { "aria-hidden": "true" });
    const value = el("span", { class: "lane-value number" });
    const title = `${signal.title}, ${round(signal.low)} to ${round(signal.high)} ${signal.unit}, from ${signal.origin}`;
    const name = el("span", { class: "lane-name", title }, el("span", { class: "grow" }, signal.title), value);
    const body = el("div", { class: "lane-body" }, canvas);
    body.addEventListener("click", (event) => {
      bench.player.go(this.axis.frame(event.clientX - body.getBoundingClientRect().left));
    });
    const element = el("div", { class: "lane signal", "data-signal": signal.name }, name, body);
    this.body.append(element);
    const lane = { element, canvas, value };
    this.#lanes.set(signal.name, lane);
    return lane;
  }

  /**
   * @param {Signal} signal
   * @param {Lane} lane
   */
  #paint({ name, low, high }, { canvas }) {
    const { axis } = this;
    const { g, colour } = sheet(canvas, axis.width, HEIGHT);
    const range = high - low || 1;
    const y = (/** @type {number} */ value) => HEIGHT - 5 - ((value - low) / range) * (HEIGHT - 9);
    g.fillStyle = colour("--signal");
    g.strokeStyle = colour("--signal");
    g.lineJoin = "round";
    for (const tile of this.tiles.shown(name, axis)) {
      if (tile.step > 1) this.#blocks(g, tile, y);
      else this.#line(g, tile, y);
    }
  }

  /**
   * From afar a value is that of its whole stretch.
   *
   * @param {CanvasRenderingContext2D} g
   * @param {Tile} tile
   * @param {(value: number) => number} y
   */
  #blocks(g, { start, step, values }, y) {
    const { axis } = this;
    const width = step * axis.scale;
    const [from, to] = this.#inSight(start, step, values.low.length);
    for (let i = from; i < to; i += 1) {
      const [least, most] = [values.low[i], values.high[i]];
      if (least === null || most === null) continue;
      const top = y(most);
      g.fillRect(axis.x(start + i * step), top - 0.5, width, y(least) - top + 1);
    }
  }

  /**
   * From near each frame is a point in its middle.
   *
   * @param {CanvasRenderingContext2D} g
   * @param {Tile} tile
   * @param {(value: number) => number} y
   */
  #line(g, { start, values }, y) {
    const { axis } = this;
    const [from, to] = this.#inSight(start, 1, values.high.length);
    let open = false;
    g.beginPath();
    for (let i = from; i < to; i += 1) {
      const value = values.high[i];
      const x = axis.x(start + i + 0.5);
      if (value !== null && open) g.lineTo(x, y(value));
      else if (value !== null) g.moveTo(x, y(value));
      open = value !== null;
    }
    g.stroke();
  }

  /**
   * @param {number} start
   * @param {number} step
   * @param {number} count
   */
  #inSight(start, step, count) {
    const { first, end } = this.axis;
    return [Math.max(0, Math.floor((first - start) / step) - 1), Math.min(count, Math.ceil((end - start) / step) + 1)];
  }

  /** The value under the playhead, as finely as it is known. */
  #tellValues() {
    const { bench, axis } = this;
    for (const { name, unit } of this.#shown) {
      const lane = this.#lanes.get(name);
      if (!lane) continue;
      const tile = this.tiles
        .shown(name, axis)
        .findLast(({ start, step, values }) => start <= bench.frame && bench.frame < start + step * values.low.length);
      const value = tile ? tile.values.high[Math.floor((bench.frame - tile.start) / tile.step)] : null;
      lane.value.textContent = value === null ? "–" : `${round(value)} ${unit}`;
    }
  }
}

/** @param {number} value */
const round = (value) => String(Number(value.toPrecision(3)));
