/** Masks as a picture of the clip's size: filled pixel by pixel, outlined along the pixels' edges. */

import { around, meeting } from "../models/boxes.js";
import { channels } from "../models/colour.js";

export const FILL = 0.3;
export const FILL_SELECTED = 0.5;

/** @typedef {import("../models/raster.js").Raster} Raster */
/** @typedef {import("../models/tile.js").Tile} Tile */
/** @typedef {import("../models/rle.js").Box} Box */
/** @typedef {{raster: Raster | Tile, changes: number, colour: string, opacity: number}} Layer changes: of the raster then */

/** Where something lies that is there in one of two compositions only. @param {Layer[]} before @param {Layer[]} after */
export function changedBetween(before, after) {
  const known = new Map(before.map((layer, place) => [layer.raster, { layer, place }]));
  /** @type {Box} */
  let dirty = { x: 0, y: 0, w: 0, h: 0 };
  let last = -1;
  for (const layer of after) {
    const was = known.get(layer.raster);
    if (was && was.place > last && looksTheSame(was.layer, layer)) {
      known.delete(layer.raster);
      last = was.place;
    } else {
      dirty = around(dirty, layer.raster.reach);
    }
  }
  for (const { layer } of known.values()) dirty = around(dirty, layer.raster.reach);
  return dirty;
}

/** @param {Layer} a @param {Layer} b */
const looksTheSame = (a, b) => a.changes === b.changes && a.colour === b.colour && a.opacity === b.opacity;

export class Overlay {
  /** @type {WeakMap<Raster | Tile, {changes: number, path: Path2D}>} */
  #paths = new WeakMap();

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
   * @param {Box} dirty what is drawn anew
   */
  draw(layers, dirty) {
    if (!dirty.w || !dirty.h) return;
    this.#clear(dirty);
    for (const layer of layers) {
      const part = meeting(dirty, layer.raster.reach);
      if (part) this.#fill(layer, part);
    }
    this.context.putImageData(this.image, 0, 0, dirty.x, dirty.y, dirty.w, dirty.h);
  }

  /** @param {Raster | Tile} raster */
  pathOf(raster) {
    const known = this.#paths.get(raster);
    if (known && known.changes === raster.changes) return known.path;
    const path = pathOf(raster.rings());
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
    const { bits, width, left, top } = raster;
    for (let row = y; row < y + h; row += 1) {
      let p = (row * this.image.width + x) * 4;
      for (let at = (row - top) * width + x - left, end = at + w; at < end; at += 1, p += 4) {
        if (!bits[at]) continue;
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
