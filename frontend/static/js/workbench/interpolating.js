/** Interpolating the joints that a flag is about: the path is shown over the picture before anyone accepts it. */

import { call, get } from "../api.js";
import { framesShort } from "../models/spoken.js";
import { byId } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {{frames: number[], points: number[][], from_frames: number[], from_points: number[][]}} Path */

const LINE = "#ffffff";
const PROPOSED = "#82b4ff";
const EDGE = "#0b1a30";

export class Interpolating {
  /**
   * @param {Bench} bench
   * @param {Stage} stage
   * @param {(flag: any) => void} changed with the flag as it stands, when it was settled or opened again
   */
  constructor(bench, stage, changed) {
    this.bench = bench;
    this.stage = stage;
    this.changed = changed;
    /** @type {any} */
    this.flag = null;
    /** @type {Path[]} */
    this.paths = [];
    stage.addPainter((g) => {
      for (const path of this.paths) this.#paint(g, path);
    });
    byId("flag-interpolate").addEventListener("click", () => this.#ask("POST", "Interpolated."));
    byId("flag-undo").addEventListener("click", () => this.#ask("DELETE", "The interpolation is taken back."));
  }

  /** @param {any} flag with its evidence, or null when none is open */
  async show(flag) {
    this.flag = flag;
    this.paths = [];
    const accept = byId("flag-interpolate");
    const undo = byId("flag-undo");
    accept.hidden = true;
    undo.hidden = !(flag?.correction && !flag.correction.undone_at);
    this.stage.redraw();
    if (!flag?.can_interpolate || !["open", "sent_back"].includes(flag.state)) return;
    const found = await get(`flags/${flag.id}/interpolation/`).catch((error) => {
      // Why it cannot be offered is worth knowing: the next thing to do is another one then.
      if (this.flag === flag) byId("flag-reason").textContent = `${flag.reason} ${error.message}`;
      return null;
    });
    if (!found || this.flag !== flag) return;
    this.paths = found.paths;
    const frames = flag.end - flag.start === 1 ? "frame" : "frames";
    accept.textContent = `Interpolate ${frames} ${framesShort(flag.start, flag.end)}`;
    accept.hidden = false;
    this.stage.redraw();
  }

  /**
   * @param {string} method
   * @param {string} done
   */
  async #ask(method, done) {
    const { flag } = this;
    if (!flag) return;
    const buttons = ["flag-interpolate", "flag-undo"].map((id) => /** @type {HTMLButtonElement} */ (byId(id)));
    for (const button of buttons) button.disabled = true;
    try {
      const now = await call(method, `flags/${flag.id}/interpolation/`);
      this.bench.say(`${done} The layers that read the pose are computed again.`);
      this.changed(now);
    } catch (error) {
      this.bench.say(/** @type {Error} */ (error).message, "warning");
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  /**
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} g
   * @param {Path} path
   */
  #paint(g, path) {
    const { hair } = this.stage;
    const seen = path.from_frames.map((frame, at) => ({ frame, point: path.from_points[at], proposed: false }));
    const between = path.frames.map((frame, at) => ({ frame, point: path.points[at], proposed: true }));
    const way = [...seen, ...between].sort((a, b) => a.frame - b.frame);
    g.save();
    for (const [wide, colour] of /** @type {[number, string][]} */ ([
      [4, EDGE],
      [1.5, LINE],
    ])) {
      g.beginPath();
      for (const { point } of way) g.lineTo(point[0], point[1]);
      g.setLineDash(wide === 4 ? [] : [4 * hair, 3 * hair]);
      g.globalAlpha = wide === 4 ? 0.5 : 1;
      g.lineWidth = wide * hair;
      g.strokeStyle = colour;
      g.stroke();
    }
    g.setLineDash([]);
    g.globalAlpha = 1;
    for (const dot of way) this.#dot(g, dot);
    g.restore();
  }

  /**
   * Filled is what is proposed, a ring a sighting; that of this frame is large.
   *
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} g
   * @param {{frame: number, point: number[], proposed: boolean}} dot
   */
  #dot(g, { frame, point, proposed }) {
    const { hair } = this.stage;
    const here = frame === this.bench.frame;
    g.beginPath();
    g.arc(point[0], point[1], (here ? 6 : 2.5) * hair, 0, 2 * Math.PI);
    g.fillStyle = PROPOSED;
    if (proposed) g.fill();
    g.lineWidth = (here ? 2 : 1) * hair;
    g.strokeStyle = proposed ? EDGE : LINE;
    g.stroke();
  }
}
