/** The outlines of the masks that stand, kept as they were drawn: while one mask is painted on, a thousand are not. */

import { around, meeting } from "../models/boxes.js";
import { lineColour } from "../models/colour.js";
import { FILL_SELECTED } from "./overlay.js";

const WIDEST = 4; // screen px that an outline reaches beyond its mask

/** @typedef {import("../models/rle.js").Box} Box */
/** @typedef {import("./overlay.js").Layer} Layer */
/** @typedef {import("./stage.js").Stage} Stage */

export class Outlines {
  #canvas = new OffscreenCanvas(1, 1);
  /** The view that they were drawn for. */
  #view = "";
  /** @type {Box | null} of the picture, where they are no longer what they should be; null is everywhere */
  #stale = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
  }

  /** @param {Box | null} box of the picture; null is all of it */
  wilt(box) {
    this.#stale = box && this.#stale && around(this.#stale, box);
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {Layer[]} layers
   */
  draw(g, layers) {
    const { width, height } = g.canvas;
    const view = `${width} ${height} ${Object.values(this.#place()).join(" ")}`;
    if (view !== this.#view) {
      this.#view = view;
      this.#stale = null;
      if (this.#canvas.width !== width || this.#canvas.height !== height) {
        Object.assign(this.#canvas, { width, height });
      }
    }
    this.#refresh(layers);
    g.save();
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.drawImage(this.#canvas, 0, 0);
    g.restore();
  }

  #place() {
    const { scale, x, y } = this.stage.view;
    return { ratio: window.devicePixelRatio || 1, scale, x, y };
  }

  /** @param {Layer[]} layers */
  #refresh(layers) {
    const dirty = this.#stale;
    if (dirty && !dirty.w) return;
    this.#stale = { x: 0, y: 0, w: 0, h: 0 };
    const g = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    const { ratio, scale, x, y } = this.#place();
    g.save();
    g.setTransform(1, 0, 0, 1, 0, 0);
    if (dirty) {
      const toScreen = (/** @type {number} */ at, /** @type {number} */ offset) => ratio * (at * scale + offset);
      const left = Math.floor(toScreen(dirty.x, x) - WIDEST * ratio);
      const top = Math.floor(toScreen(dirty.y, y) - WIDEST * ratio);
      const right = Math.ceil(toScreen(dirty.x + dirty.w, x) + WIDEST * ratio);
      const bottom = Math.ceil(toScreen(dirty.y + dirty.h, y) + WIDEST * ratio);
      g.beginPath();
      g.rect(left, top, right - left, bottom - top);
      g.clip();
      g.clearRect(left, top, right - left, bottom - top);
    } else {
      g.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    }
    g.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
    this.#strokeAll(g, layers, dirty, (2 * WIDEST) / scale);
    g.restore();
  }

  /**
   * @param {OffscreenCanvasRenderingContext2D} g
   * @param {Layer[]} layers
   * @param {Box | null} dirty
   * @param {number} margin picture px
   */
  #strokeAll(g, layers, dirty, margin) {
    const { stage } = this;
    const near = dirty && {
      x: dirty.x - margin,
      y: dirty.y - margin,
      w: dirty.w + 2 * margin,
      h: dirty.h + 2 * margin,
    };
    for (const { raster, colour, opacity } of layers) {
      if (near && !meeting(near, raster.reach)) continue;
      stage.outline(g, stage.overlay.pathOf(raster), lineColour(colour), opacity === FILL_SELECTED ? 2 : 1.25);
    }
  }
}
