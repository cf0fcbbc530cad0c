/** What the checks found, along the time axis: a press goes there. */

import { el, onFrame } from "./dom.js";
import { sheet } from "./paint.js";

const HEIGHT = 20; // px, as in the style sheet
const REACH = 5; // px

export class FlagLane {
  /**
   * @param {import("./bench.js").Bench} bench
   * @param {import("../models/axis.js").TimeAxis} axis
   */
  constructor(bench, axis) {
    this.bench = bench;
    this.axis = axis;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const body = el("div", { class: "lane-body" }, this.canvas);
    this.element = el(
      "div",
      { class: "lane flag-lane", hidden: true },
      el("span", { class: "lane-name" }, "Flags"),
      body,
    );
    this.redraw = onFrame(() => this.#draw());
    bench.on("flags", () => this.redraw());
    body.addEventListener("click", (event) => {
      const x = event.clientX - body.getBoundingClientRect().left;
      bench.player.go(this.#at(x)?.start ?? axis.frame(x));
    });
    body.addEventListener("pointermove", (event) => {
      body.title = this.#at(event.clientX - body.getBoundingClientRect().left)?.reason ?? "";
    });
  }

  /** @param {number} x px @returns {any} the flag there */
  #at(x) {
    const { axis } = this;
    return this.bench.flags.find(({ start, end }) => axis.x(start) - REACH <= x && x <= axis.x(end) + REACH);
  }

  #draw() {
    const { axis, bench } = this;
    this.element.hidden = !bench.flags.length;
    if (this.element.hidden) return;
    const { g, colour } = sheet(this.canvas, axis.width, HEIGHT);
    for (const { start, end } of bench.flags) {
      const x = axis.x(start);
      g.fillStyle = colour("--flag");
      g.globalAlpha = 0.35;
      g.fillRect(x, 5, Math.max(3, axis.x(end) - x), HEIGHT - 10);
      g.globalAlpha = 1;
      g.fillRect(x, 3, 2, HEIGHT - 6);
    }
  }
}
