/** Parts, holes, growing and shrinking of one mask, within its box. OpenCV and scipy have the same operations. */

import { Raster } from "./raster.js";

/** @typedef {import("./rle.js").Box} Box */

/**
 * @param {Raster} raster
 * @param {number} by px
 * @returns {Box} its reach, larger by so much on every side, within the picture
 */
function widened({ reach: { x, y, w, h }, width, height }, by) {
  const [left, top] = [Math.max(0, x - by), Math.max(0, y - by)];
  return { x: left, y: top, w: Math.min(width, x + w + by) - left, h: Math.min(height, y + h + by) - top };
}

const SIDES = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
];
const CORNERS = [...SIDES, [-1, -1], [1, -1], [-1, 1], [1, 1]];

/**
 * Label everything that can be reached from one place.
 *
 * @param {{w: number, h: number, isOpen: (place: number) => boolean, steps: number[][]}} grid places are row-major
 * @param {number} start
 * @param {Int32Array} labels 0 where nobody has been
 * @param {number} label
 * @param {Int32Array} stack room for every place
 * @returns {number} how many places
 */
function flood({ w, h, isOpen, steps }, start, labels, label, stack) {
  let [depth, reached] = [1, 0];
  stack[0] = start;
  labels[start] = label;
  while (depth) {
    depth -= 1;
    reached += 1;
    const place = stack[depth];
    const px = place % w;
    const py = (place - px) / w;
    for (const [dx, dy] of steps) {
      const [x, y] = [px + dx, py + dy];
      const next = y * w + x;
      if (x < 0 || y < 0 || x >= w || y >= h || labels[next] || !isOpen(next)) continue;
      labels[next] = label;
      stack[depth] = next;
      depth += 1;
    }
  }
  return reached;
}

/**
 * The parts of a mask, those that touch at corners being one.
 *
 * @param {Raster} raster
 * @returns {{box: Box, labels: Int32Array, areas: number[]}} labels: row-major within the box, 0 is no part; areas: by
 *   label, that of 0 is 0
 */
export function partsOf(raster) {
  const { box, bits, width } = raster;
  const labels = new Int32Array(box.w * box.h);
  const stack = new Int32Array(labels.length);
  const isOpen = (/** @type {number} */ place) =>
    bits[(box.y + Math.floor(place / box.w)) * width + box.x + (place % box.w)] === 1;
  const areas = [0];
  for (let start = 0; start < labels.length; start += 1) {
    if (labels[start] || !isOpen(start)) continue;
    areas.push(flood({ w: box.w, h: box.h, isOpen, steps: CORNERS }, start, labels, areas.length, stack));
  }
  return { box, labels, areas };
}

/**
 * Part of a mask as one of its own.
 *
 * @param {Raster} raster
 * @param {{box: Box, labels: Int32Array}} parts
 * @param {(label: number) => boolean} wanted
 */
export function chosenParts(raster, { box, labels }, wanted) {
  const chosen = new Raster(raster.width, raster.height, undefined, box);
  for (let i = 0; i < labels.length; i += 1) {
    if (labels[i] && wanted(labels[i])) {
      chosen.bits[(box.y + Math.floor(i / box.w)) * raster.width + box.x + (i % box.w)] = 1;
    }
  }
  return chosen;
}

/**
 * Without the parts that have fewer pixels; the largest always stays.
 *
 * @param {Raster} raster
 * @param {number} least px
 */
export function withoutSpecks(raster, least) {
  const parts = partsOf(raster);
  const largest = parts.areas.indexOf(Math.max(...parts.areas));
  return chosenParts(raster, parts, (label) => label === largest || parts.areas[label] >= least);
}

/**
 * With every gap filled that is enclosed; a gap that reaches the picture's edge is none.
 *
 * @param {Raster} raster
 */
export function withoutHoles(raster) {
  const { box, bits, width } = raster;
  const [w, h] = [box.w + 2, box.h + 2];
  // A rim all round the box: whatever can be reached from it without crossing the mask is outside.
  const outside = new Int32Array(w * h);
  const isOpen = (/** @type {number} */ place) => {
    const [x, y] = [(place % w) - 1, Math.floor(place / w) - 1];
    return x < 0 || y < 0 || x >= box.w || y >= box.h || !bits[(box.y + y) * width + box.x + x];
  };
  flood({ w, h, isOpen, steps: SIDES }, 0, outside, 1, new Int32Array(w * h));
  const filled = raster.copy();
  for (let y = 0; y < box.h; y += 1) {
    for (let x = 0; x < box.w; x += 1) {
      if (!outside[(y + 1) * w + x + 1]) filled.bits[(box.y + y) * width + box.x + x] = 1;
    }
  }
  return filled;
}

/**
 * Larger by a disc: every pixel whose centre is within `radius` of one of the mask's.
 *
 * @param {Raster} raster
 * @param {number} radius px
 */
export function grown(raster, radius) {
  const box = widened(raster, radius);
  const near = within(raster, box, radius, 1);
  const larger = new Raster(raster.width, raster.height, undefined, box);
  for (let y = 0; y < box.h; y += 1) {
    larger.bits.set(near.subarray(y * box.w, (y + 1) * box.w), (box.y + y) * raster.width + box.x);
  }
  return larger;
}

/**
 * Smaller by a disc: without every pixel that has a gap within `radius`. The picture's edge is no gap: what is cut
 * off there goes on outside.
 *
 * @param {Raster} raster
 * @param {number} radius px
 */
export function shrunk(raster, radius) {
  const box = widened(raster, radius);
  const near = within(raster, box, radius, 0);
  const smaller = raster.copy();
  for (let y = 0; y < box.h; y += 1) {
    for (let x = 0; x < box.w; x += 1) {
      if (near[y * box.w + x]) smaller.bits[(box.y + y) * raster.width + box.x + x] = 0;
    }
  }
  return smaller;
}

/**
 * Where a pixel of this value is no farther than `radius`: down each column first, then along each row by the half
 * width that is left of the disc.
 *
 * @param {Raster} raster
 * @param {Box} box
 * @param {number} radius
 * @param {0 | 1} value
 * @returns {Uint8Array} row-major within the box
 */
function within(raster, box, radius, value) {
  const { w, h } = box;
  const vertical = verticalDistance(raster, box, radius + 1, value);
  const half = Array.from({ length: radius + 1 }, (_, dy) => Math.floor(Math.sqrt(radius * radius - dy * dy)));
  const near = new Uint8Array(w * h);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const dy = vertical[y * w + x];
      if (dy <= radius) near.fill(1, y * w + Math.max(0, x - half[dy]), y * w + Math.min(w, x + half[dy] + 1));
    }
  }
  return near;
}

/**
 * @param {Raster} raster
 * @param {Box} box
 * @param {number} far what is as far as that, or farther
 * @param {0 | 1} value
 * @returns {Int32Array} px to the nearest pixel of this value in the same column, row-major within the box
 */
function verticalDistance({ bits, width }, { x: left, y: top, w, h }, far, value) {
  const distance = new Int32Array(w * h).fill(far);
  for (let at = 0; at < w * h; at += 1) {
    const x = at % w;
    if (bits[(top + (at - x) / w) * width + left + x] === value) distance[at] = 0;
    else if (at >= w) distance[at] = Math.min(far, distance[at - w] + 1);
  }
  for (let at = w * (h - 1) - 1; at >= 0; at -= 1) distance[at] = Math.min(distance[at], distance[at + w] + 1);
  return distance;
}
