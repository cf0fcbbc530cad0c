/** What brush and eraser share: a tip that sweeps from where the pointer was to where it is. */

import { brushCentre } from "../models/raster.js";
import { pressedSize } from "../models/tip.js";
import { Stroke } from "../workbench/stroke.js";

/** @typedef {import("./registry.js").Bench} Bench */
/** @typedef {import("./registry.js").Pointer} Pointer */
/** @typedef {{at: [number, number], size: number}} Tip */

/**
 * Where the tip sits and how large it is. A mouse's sits on the pixels' grid, so that it is the same wherever it is
 * put down; a pen's changes with every breath and sits where the pen is.
 *
 * @param {Bench} bench
 * @param {Pointer} pointer
 * @returns {Tip}
 */
function tipOf(bench, { x, y, pen, pressure }) {
  const size = bench.brushSize;
  if (pen && bench.settings.get("pressure")) return { at: [x, y], size: pressedSize(size, pressure) };
  return { at: brushCentre([x, y], size), size };
}

/**
 * @param {0 | 1} value painted or erased
 * @param {string} verb for the undo button
 */
export function tipBrush(value, verb) {
  /** @type {Stroke | null} */
  let stroke = null;
  /** @type {Tip} */
  let last = { at: [0, 0], size: 1 };
  /** @type {Pointer | null} */
  let over = null;

  return {
    cursor: "none",
    writes: true,

    press(/** @type {Bench} */ bench, /** @type {Pointer} */ pointer) {
      if (pointer.button !== 0) return;
      stroke = Stroke.begin(bench, value);
      last = tipOf(bench, pointer);
      stroke?.sweep(last.at, last.at, value, { size: last.size });
    },

    drag(/** @type {Bench} */ bench, /** @type {Pointer[]} */ pointers) {
      for (const pointer of pointers) {
        const next = tipOf(bench, pointer);
        if (next.at[0] === last.at[0] && next.at[1] === last.at[1] && next.size === last.size) continue;
        // A size changed in the middle of a stroke with a key holds from here on; a pen's grows on the way.
        const fromSize = pointer.pen ? last.size : next.size;
        stroke?.sweep(last.at, next.at, value, { size: next.size, fromSize });
        last = next;
      }
    },

    release() {
      stroke?.finish(verb);
      stroke = null;
    },

    disarm() {
      stroke?.cancel();
      stroke = null;
    },

    key(/** @type {Bench} */ _bench, /** @type {string} */ key) {
      if (key !== "Escape" || !stroke) return false;
      stroke.cancel();
      stroke = null;
      return true;
    },

    hover(/** @type {Bench} */ _bench, /** @type {Pointer | null} */ pointer) {
      over = pointer;
    },

    ornament(/** @type {Bench} */ bench, /** @type {CanvasRenderingContext2D} */ g, /** @type {number} */ hair) {
      if (!over) return;
      const pressing = stroke !== null && over.pen && bench.settings.get("pressure");
      const { at, size } = pressing
        ? last
        : { at: brushCentre([over.x, over.y], bench.brushSize), size: bench.brushSize };
      const radius = Math.max(size / 2, 2 * hair);
      for (const [colour, width] of /** @type {[string, number][]} */ ([
        ["rgb(0 0 0 / 60%)", 3],
        ["#fff", 1.25],
      ])) {
        g.beginPath();
        if (bench.settings.get("tip") === "square") g.rect(at[0] - radius, at[1] - radius, 2 * radius, 2 * radius);
        else g.arc(at[0], at[1], radius, 0, 2 * Math.PI);
        g.strokeStyle = colour;
        g.lineWidth = width * hair;
        g.stroke();
      }
      if (value === 0) {
        g.beginPath();
        g.moveTo(at[0] - 3 * hair, at[1]);
        g.lineTo(at[0] + 3 * hair, at[1]);
        g.stroke();
      }
    },
  };
}
