/** Masks as a picture of the clip's size: filled pixel by pixel, outlined along the pixels' edges. */

import { channels } from "../models/colour.js";
import { outline } from "../models/contour.js";
import { around } from "../models/raster.js";

/** @typedef {import("../models/raster.js").Raster} Raster */
/** @typedef {import("../models/rle.js").Box} Box */
/** @typedef {{raster: Raster, colour: string, opacity: number}} Layer */

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {Box}
 */
function common(a, b) {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const w = Math.min(a.x + a.w, b.x + b.w) - x;
  const h = Math.min(a.y + a.h, b.y + b.h) - y;
  return { x, y, w: Math.max(0, w), h: Math.max(0, h) };
}

export class Overlay {
  /** @type {WeakMap<Raster, {changes: number, path: Path2D}>} */
  #paths = new WeakMap();
  /** @type {Box} where something has been drawn */
  #drawn = { x: 0, y: 0, w: 0, h: 0 };

  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.canvas = new OffscreenCanvas(width, height);
    const context = this.canvas.getContext("2d", { willReadFrequently: false });
    if (!context) throw new Error("This browser gives no canvas to draw masks on.");
    this.context = context;
    this.image = new ImageData(width, height);
    this.pixels = this.image.data;
  }

  /**
   * @param {Layer[]} layers from back to front
   * @param {Box | null} dirty null draws all of it
   */
  draw(layers, dirty) {
    const all = layers.reduce((box, { raster }) => around(box, raster.reach), { x: 0, y: 0, w: 0, h: 0 });
    const box = dirty ?? around(this.#drawn, all);
    this.#drawn = dirty ? around(this.#drawn, dirty) : all;
    if (!box.w || !box.h) return;
    this.#clear(box);
    for (const layer of layers) this.#fill(layer, common(box, layer.raster.reach));
    this.context.putImageData(this.image, 0, 0, box.x, box.y, box.w, box.h);
  }

  /** @param {Raster} raster */
  pathOf(raster) {
    const known = this.#paths.get(raster);
    if (known && known.changes === raster.changes) return known.path;
    const path = pathOf(outline(raster.bits, raster.width, raster.height, raster.reach));
    this.#paths.set(raster, { changes: raster.changes, path });
    return path;
  }

  /** @param {Box} box */
  #clear({ x, y, w, h }) {
    const stride = this.image.width * 4;
    for (let row = y; row < y + h; row += 1) this.pixels.fill(0, row * stride + x * 4, row * stride + (x + w) * 4);
  }

  /**
   * @param {Layer} layer
   * @param {Box} box
   */
  #fill({ raster, colour, opacity }, { x, y, w, h }) {
    const [r, g, b] = channels(colour);
    const { pixels } = this;
    for (let row = y; row < y + h; row += 1) {
      for (let at = row * raster.width + x, end = at + w; at < end; at += 1) {
        if (!raster.bits[at]) continue;
        const p = at * 4;
        const under = (pixels[p + 3] / 255) * (1 - opacity);
        const sum = opacity + under;
        pixels[p] = (r * opacity + pixels[p] * under) / sum;
        pixels[p + 1] = (g * opacity + pixels[p + 1] * under) / sum;
        pixels[p + 2] = (b * opacity + pixels[p + 2] * under) / sum;
        pixels[p + 3] = sum * 255;
      }
    }
  }
}

/** @param {number[][]} rings */
function pathOf(rings) {
  const path = new Path2D();
  for (const ring of rings) {
    path.moveTo(ring[0], ring[1]);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i], ring[i + 1]);
    path.closePath();
  }
  return path;
}
