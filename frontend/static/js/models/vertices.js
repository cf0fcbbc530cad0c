/** Corners of polygons and lines that a hand moves: finding, moving, adding and removing them. Nothing is changed in place. */

import { Raster } from "./raster.js";

/** @typedef {[number, number]} Point */
/** @typedef {{ring: number, index: number}} Place */

/**
 * @param {Point[][]} rings
 * @param {Point} point
 * @param {number} reach px
 * @returns {Place | null} the nearest corner
 */
export function nearestVertex(rings, [x, y], reach) {
  /** @type {Place | null} */
  let found = null;
  let least = reach;
  rings.forEach((points, ring) => {
    points.forEach((point, index) => {
      const distance = Math.hypot(point[0] - x, point[1] - y);
      if (distance > least) return;
      least = distance;
      found = { ring, index };
    });
  });
  return found;
}

/**
 * @param {Point[][]} rings
 * @param {Point} point
 * @param {number} reach px
 * @param {boolean} [closed] whether the last corner is joined to the first
 * @returns {Place | null} where a corner on the nearest edge would come to stand
 */
export function nearestEdge(rings, point, reach, closed = true) {
  /** @type {Place | null} */
  let found = null;
  let least = reach;
  rings.forEach((points, ring) => {
    const edges = closed ? points.length : points.length - 1;
    for (let i = 0; i < edges; i += 1) {
      const distance = fromEdge(point, points[i], points[(i + 1) % points.length]);
      if (distance > least) continue;
      least = distance;
      found = { ring, index: i + 1 };
    }
  });
  return found;
}

/**
 * @param {Point} point
 * @param {Point} a
 * @param {Point} b
 * @returns {number} px from the edge
 */
export function fromEdge([x, y], a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length2 = dx * dx + dy * dy;
  const along = length2 ? Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / length2)) : 0;
  return Math.hypot(x - a[0] - along * dx, y - a[1] - along * dy);
}

/**
 * @param {Point[][]} rings
 * @param {Place} place
 * @param {Point} to
 */
export function moved(rings, { ring, index }, to) {
  return rings.map((points, i) => (i === ring ? points.with(index, to) : points));
}

/**
 * @param {Point[][]} rings
 * @param {Place} place
 * @param {Point} point
 */
export function inserted(rings, { ring, index }, point) {
  return rings.map((points, i) => (i === ring ? points.toSpliced(index, 0, point) : points));
}

/**
 * @param {Point[][]} rings
 * @param {Place} place
 * @param {number} [least] corners that a ring needs; with fewer it goes
 */
export function removed(rings, { ring, index }, least = 3) {
  const left = rings.map((points, i) => (i === ring ? points.toSpliced(index, 1) : points));
  return left.filter((points) => points.length >= least);
}

/**
 * A line with as few of its points as stay within `tolerance` of all of them.
 *
 * Source: Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a digitized
 * line or its caricature", 1973.
 *
 * @param {Point[]} points
 * @param {number} tolerance px
 * @returns {Point[]}
 */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Uint8Array(points.length);
  kept[0] = 1;
  kept[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  for (let span = open.pop(); span; span = open.pop()) {
    const [first, last] = span;
    let [farthest, distance] = [-1, tolerance];
    for (let i = first + 1; i < last; i += 1) {
      const away = fromEdge(points[i], points[first], points[last]);
      if (away > distance) [farthest, distance] = [i, away];
    }
    if (farthest < 0) continue;
    kept[farthest] = 1;
    open.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, i) => kept[i]);
}

/**
 * The same of a ring: it is cut at two corners far from each other, which stay.
 *
 * @param {Point[]} ring
 * @param {number} tolerance px
 * @returns {Point[]}
 */
export function simplifiedRing(ring, tolerance) {
  if (ring.length < 5) return ring;
  const far = farthestFrom(ring, ring[0]);
  const start = farthestFrom(ring, ring[far]);
  const turned = [...ring.slice(start), ...ring.slice(0, start)];
  const middle = (far - start + ring.length) % ring.length;
  const there = simplified(turned.slice(0, middle + 1), tolerance);
  const back = simplified([...turned.slice(middle), turned[0]], tolerance);
  const found = [...there, ...back.slice(1, -1)];
  return found.length > 2 ? found : ring;
}

/**
 * @param {Point[]} points
 * @param {Point} from
 */
function farthestFrom(points, from) {
  const away = points.map(([x, y]) => (x - from[0]) ** 2 + (y - from[1]) ** 2);
  return away.indexOf(Math.max(...away));
}

/**
 * A mask after its simplified outline was edited. Only where an edge came or went is it drawn anew: everywhere else
 * its pixels stay as they are, though the outline does not follow them exactly.
 *
 * @param {Raster} mask
 * @param {Point[][]} before the outline as it was made of the mask
 * @param {Point[][]} after
 * @param {number} tolerance px by which the outline strays from the mask
 */
export function redrawn(mask, before, after, tolerance) {
  const { width, height } = mask;
  const [was, is, near] = [1, 2, 3].map(() => new Raster(width, height));
  was.fillRings(before, 1);
  is.fillRings(after, 1);
  for (const [a, b] of changedEdges(before, after)) near.sweep(a, b, 2 * tolerance + 2, 1);
  const result = mask.copy();
  for (let at = 0; at < result.bits.length; at += 1) {
    if (near.bits[at] || was.bits[at] !== is.bits[at]) result.bits[at] = is.bits[at];
  }
  return new Raster(width, height, result.bits);
}

/**
 * @param {Point[][]} before
 * @param {Point[][]} after
 * @returns {[Point, Point][]} edges that are in one of the two alone
 */
function changedEdges(before, after) {
  const [old, now] = [before, after].map(
    (rings) => new Map(rings.flatMap((ring) => ring.map((a, i) => edgeOf(a, ring[(i + 1) % ring.length])))),
  );
  const gone = [...old].filter(([key]) => !now.has(key));
  const come = [...now].filter(([key]) => !old.has(key));
  return [...gone, ...come].map(([, edge]) => edge);
}

/**
 * @param {Point} a
 * @param {Point} b
 * @returns {[string, [Point, Point]]}
 */
const edgeOf = (a, b) => [`${a} ${b}`, [a, b]];
