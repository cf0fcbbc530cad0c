/** A line of some thickness through points: cables, straps, handles. */

import { inserted, moved, nearestEdge, nearestVertex, removed, simplified } from "../models/vertices.js";
import { drawHandles, drawRings } from "../workbench/handles.js";
import { Stroke } from "../workbench/stroke.js";
import { register } from "./registry.js";

/** @typedef {import("./registry.js").Bench} Bench */
/** @typedef {[number, number]} Point */

const ON = 8; // screen px from a point within which a press is on it
const FREEHAND = 6; // screen px that a press moves before it draws
const TOLERANCE = 0.75; // px
const THICKEST = 200; // px

/** @type {Point[]} */
let points = [];
let takesAway = false;
/** @type {{index: number} | null} the point under way */
let drag = null;
/** @type {Point[] | null} what a press that moves draws, from the point that it set */
let freehand = null;
/** @type {Point | null} */
let over = null;
let hairNow = 1;

/** @param {Bench} bench */
function finish(bench) {
  const [line, value] = [points, /** @type {0 | 1} */ (takesAway ? 0 : 1)];
  drop();
  if (!line.length) return;
  const stroke = Stroke.begin(bench, value);
  stroke?.chain(line, bench.settings.get("line"), value);
  stroke?.finish(value ? "Centreline on" : "Cut centreline from");
}

function drop() {
  points = [];
  drag = null;
  freehand = null;
}

register({
  name: "centreline",
  title: "Centreline",
  keys: ["q"],
  icon: "spline",
  order: 54,
  cursor: "crosshair",
  writes: true,
  hint: "Click points or drag along a thin thing; [ and ] change the thickness; drag points to mend, Del removes; Enter lays it. Right or Alt first takes away.",

  resize({ settings }, way) {
    const size = settings.get("line");
    settings.set("line", Math.min(THICKEST, Math.max(1, size + way * Math.max(1, Math.round(size / 8)))));
  },

  size: ({ settings }) => settings.get("line"),

  press(bench, pointer) {
    if (pointer.button === 1 || !bench.mayWrite(bench.frame)) return;
    /** @type {Point} */
    const at = [pointer.x, pointer.y];
    const vertex = nearestVertex([points], at, ON * hairNow);
    if (vertex && (pointer.alt || pointer.button === 2)) {
      points = removed([points], vertex, 1)[0] ?? [];
      return;
    }
    if (!points.length) takesAway = pointer.alt || pointer.button === 2;
    const edge = vertex ? null : nearestEdge([points], at, (ON / 2) * hairNow, false);
    if (edge) points = inserted([points], edge, at)[0];
    else if (!vertex) {
      points = [...points, at];
      freehand = [at];
      return;
    }
    drag = { index: (vertex ?? edge)?.index ?? 0 };
  },

  drag(_bench, pointers) {
    for (const { x, y } of pointers) {
      if (drag) points = moved([points], { ring: 0, index: drag.index }, [x, y])[0];
      else freehand?.push([x, y]);
    }
  },

  release() {
    drag = null;
    const drawn = freehand ?? [];
    freehand = null;
    const [x, y] = drawn[0] ?? [0, 0];
    // A hand that trembles on a click draws nothing.
    if (!drawn.some((each) => Math.hypot(each[0] - x, each[1] - y) > FREEHAND * hairNow)) return;
    points = [...points.slice(0, -1), ...simplified(drawn, TOLERANCE)];
  },

  doublePress(bench) {
    finish(bench);
  },

  hover(_bench, pointer) {
    over = pointer ? [pointer.x, pointer.y] : null;
  },

  key(bench, key) {
    if (!points.length) return false;
    const vertex = over && nearestVertex([points], over, ON * hairNow);
    if (key === "Enter") finish(bench);
    else if (key === "Escape") drop();
    else if (key === "Delete" && vertex) points = removed([points], vertex, 1)[0] ?? [];
    else if (key === "Backspace" || key === "Mod+z") points = points.slice(0, -1);
    else return false;
    return true;
  },

  disarm: drop,

  ornament(bench, g, hair) {
    hairNow = hair;
    if (!points.length) {
      if (over) drawTip(g, over, bench.settings.get("line") / 2, hair);
      return;
    }
    const colour = takesAway ? "#ff938a" : bench.colourOf(bench.track?.label ?? bench.label);
    const drawn = freehand ? [...points.slice(0, -1), ...freehand] : points;
    const next = over && !drag && !freehand ? [...drawn, over] : drawn;
    const band = new Path2D();
    for (const [x, y] of next) band.lineTo(x, y);
    g.save();
    g.globalAlpha = 0.45;
    g.strokeStyle = colour;
    g.lineCap = "round";
    g.lineJoin = "round";
    g.lineWidth = bench.settings.get("line");
    g.stroke(band);
    g.restore();
    drawRings(g, [next], { colour, hair, closed: false });
    const hot = drag ? { ring: 0, index: drag.index } : over && nearestVertex([points], over, ON * hair);
    drawHandles(g, [points], { colour, hair, hot });
  },
});

/**
 * @param {CanvasRenderingContext2D} g
 * @param {Point} at
 * @param {number} radius
 * @param {number} hair
 */
function drawTip(g, [x, y], radius, hair) {
  g.beginPath();
  g.arc(x, y, Math.max(radius, 1.5 * hair), 0, 2 * Math.PI);
  g.strokeStyle = "#fff";
  g.lineWidth = 1.25 * hair;
  g.stroke();
}
