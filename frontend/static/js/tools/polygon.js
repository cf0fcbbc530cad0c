/** Adds or takes away what lies inside a polygon; its corners stay in hand until something else is. */

import { outline } from "../models/contour.js";
import { inserted, moved, nearestEdge, nearestVertex, redrawn, removed, simplifiedRing } from "../models/vertices.js";
import { drawHandles, drawRings } from "../workbench/handles.js";
import { Stroke } from "../workbench/stroke.js";
import { register } from "./registry.js";

/** @typedef {import("./registry.js").Bench} Bench */
/** @typedef {import("./registry.js").Pointer} Pointer */
/** @typedef {import("../models/raster.js").Raster} Raster */
/** @typedef {import("../models/vertices.js").Place} Place */
/** @typedef {[number, number]} Point */
/**
 * Corners that can be moved.
 *
 * @typedef {object} Open
 * @property {string} track
 * @property {number} frame
 * @property {boolean} whole
 * @property {Point[][]} rings
 * @property {string | null} counts of the mask that the rings go with
 * @property {Map<string | null, Point[][]>} known rings by the counts that they gave, for undo and redo
 * @property {(rings: Point[][]) => Raster} draw
 */

const CLOSE = 8; // screen px from a corner within which a click is on it
const TOLERANCE = 1; // px by which an outline that is opened may stray from the mask

/** @type {Point[]} */
let corners = [];
let takesAway = false;
/** @type {Open | null} */
let open = null;
/** @type {{place: Place, rings: Point[][], stroke: Stroke} | null} a corner under way */
let drag = null;
/** @type {Point | null} */
let over = null;
let reach = 0;

/** @param {Bench} bench */
function countsNow(bench) {
  const mask = bench.track && bench.work.maskOf(bench.track.id, bench.frame);
  return (bench.whole ? mask?.amodal : mask?.counts) ?? null;
}

/** Follow undo and redo; let go where the mask is no longer the corners'. @param {Bench} bench */
function follow(bench) {
  if (!open || drag) return;
  const same = open.track === bench.track?.id && open.frame === bench.frame && open.whole === bench.whole;
  const counts = countsNow(bench);
  const rings = counts === open.counts ? open.rings : open.known.get(counts);
  open = same && rings ? { ...open, rings, counts } : null;
}

/** @param {Bench} bench */
function close(bench) {
  const points = corners;
  const value = takesAway ? 0 : 1;
  corners = [];
  if (points.length < 3) return;
  const stroke = Stroke.begin(bench, value);
  if (!stroke) return;
  const base = stroke.raster.copy();
  stroke.fill([points], value);
  if (!stroke.finish(takesAway ? "Cut polygon from" : "Polygon on")) return;
  hold(bench, [points], (rings) => {
    const raster = base.copy();
    raster.fillRings(rings, value);
    return raster;
  });
}

/**
 * @param {Bench} bench
 * @param {Point[][]} rings
 * @param {(rings: Point[][]) => Raster} draw
 */
function hold(bench, rings, draw) {
  if (!bench.track) return;
  const counts = countsNow(bench);
  const { track, frame, whole } = bench;
  open = { track: track.id, frame, whole, rings, counts, known: new Map([[counts, rings]]), draw };
}

/** The selected mask's outline, as corners. @param {Bench} bench */
function openOutline(bench) {
  const counts = countsNow(bench);
  if (!bench.track || !counts) {
    bench.say("Select an object with a mask on this frame to open its outline.");
    return;
  }
  if (!bench.mayWrite(bench.frame)) return;
  const raster = bench.rasterOf({ id: `outline ${bench.track.id}`, counts });
  const rings = outline(raster.bits, raster.width, raster.height, raster.box).map((flat) =>
    simplifiedRing(pairs(flat), TOLERANCE),
  );
  hold(bench, rings, (now) => redrawn(raster, rings, now, TOLERANCE));
  bench.say(`${rings.flat().length} corners. Drag one; press an edge to add one; Del takes away the one pointed at.`);
}

/** @param {number[]} flat @returns {Point[]} */
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

/**
 * @param {Bench} bench
 * @param {Point[][]} rings
 * @param {Stroke | null} stroke
 */
function lay(bench, rings, stroke) {
  if (!open || !stroke) return;
  stroke.replace(open.draw(rings));
  stroke.finish("Edit polygon of", { refines: true });
  const counts = countsNow(bench);
  open.known.set(counts, rings);
  open = { ...open, rings, counts };
}

/**
 * Take a corner, or one that is made on the edge here.
 *
 * @param {Bench} bench
 * @param {Pointer} pointer
 * @returns {boolean} whether the press was for the corners
 */
function grasp(bench, pointer) {
  if (!open) return false;
  /** @type {Point} */
  const at = [pointer.x, pointer.y];
  const vertex = nearestVertex(open.rings, at, reach);
  if (vertex && (pointer.alt || pointer.button === 2)) {
    takeOff(bench, vertex);
    return true;
  }
  const place = vertex ?? nearestEdge(open.rings, at, reach / 2);
  if (!place || pointer.button !== 0) return false;
  const stroke = Stroke.begin(bench, 1);
  if (stroke) drag = { place, rings: vertex ? open.rings : inserted(open.rings, place, at), stroke };
  return true;
}

/**
 * @param {Bench} bench
 * @param {Place} vertex
 */
function takeOff(bench, vertex) {
  if (open) lay(bench, removed(open.rings, vertex), Stroke.begin(bench, 1));
}

function letGo() {
  drag?.stroke.cancel();
  drag = null;
  open = null;
  corners = [];
}

/**
 * @param {Bench} bench
 * @param {string} key
 */
function keyOnHandles(bench, key) {
  if (!open) return false;
  if (key === "Escape") {
    // One thing at a time: first the corner under way, then all of them.
    if (drag) drag.stroke.cancel();
    else open = null;
    drag = null;
    return true;
  }
  const vertex = over && nearestVertex(open.rings, over, reach);
  if (!["Delete", "Backspace"].includes(key) || !vertex || drag) return false;
  takeOff(bench, vertex);
  return true;
}

register({
  name: "polygon",
  title: "Polygon",
  keys: ["p"],
  icon: "pentagon",
  order: 50,
  cursor: "crosshair",
  writes: true,
  hint: "Click corners, Enter closes; right or Alt first takes away. Then drag corners, press an edge to add one, Del removes. Enter opens the selected mask's outline.",

  press(bench, pointer) {
    if (pointer.button === 1) return;
    follow(bench);
    if (!corners.length && grasp(bench, pointer)) return;
    if (!corners.length) takesAway = pointer.alt || pointer.button === 2;
    open = null;
    const [x, y] = corners[0] ?? [0, 0];
    if (corners.length > 2 && Math.hypot(pointer.x - x, pointer.y - y) < reach) close(bench);
    else corners.push([pointer.x, pointer.y]);
  },

  drag(_bench, pointers) {
    const last = pointers.at(-1);
    if (!drag || !open || !last) return;
    drag.rings = moved(drag.rings, drag.place, [last.x, last.y]);
    drag.stroke.replace(open.draw(drag.rings));
    drag.stroke.bench.emit("live", null);
  },

  release(bench) {
    if (!drag) return;
    const { rings, stroke } = drag;
    drag = null;
    lay(bench, rings, stroke);
  },

  doublePress(bench, { x, y }) {
    if (open) return;
    const found = bench.pick(x, y);
    if (corners.length < 3 && found && found.id === bench.track?.id) {
      corners = [];
      openOutline(bench);
      return;
    }
    // The second click of the two has set a corner on the first one's.
    if (corners.length > 3) corners.pop();
    close(bench);
  },

  hover(_bench, pointer) {
    over = pointer ? [pointer.x, pointer.y] : null;
  },

  key(bench, key) {
    follow(bench);
    if (!corners.length) {
      if (key !== "Enter" || open) return keyOnHandles(bench, key);
      openOutline(bench);
      return true;
    }
    if (key === "Enter") close(bench);
    else if (key === "Escape") corners = [];
    else if (key === "Backspace" || key === "Mod+z") corners.pop();
    else return false;
    return true;
  },

  disarm: letGo,

  ornament(bench, g, hair) {
    reach = CLOSE * hair;
    follow(bench);
    const colour = takesAway && corners.length ? "#ff938a" : bench.colourOf(bench.track?.label ?? bench.label);
    if (corners.length) {
      drawRings(g, [over ? [...corners, over] : corners], { colour, hair, closed: false });
      drawHandles(g, [corners], { colour, hair });
    } else if (open) {
      const rings = drag?.rings ?? open.rings;
      drawRings(g, rings, { colour, hair, closed: true });
      drawHandles(g, rings, { colour, hair, hot: drag?.place ?? (over && nearestVertex(rings, over, reach)) });
    }
  },
});
