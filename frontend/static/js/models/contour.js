/**
 * The outline of a mask along its pixels' edges, in picture coordinates: what is drawn around it at any zoom.
 *
 * @param {Uint8Array} bits row-major, 0 or 1
 * @param {number} width
 * @param {number} height
 * @param {import("./rle.js").Box} box nothing is set outside of it
 * @returns {number[][]} closed rings [x0, y0, x1, y1, …], corners only, the mask on the right hand
 */
export function outline(bits, width, height, box) {
  const seen = new Uint8Array((box.w + 1) * (box.h + 1));
  const inside = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= box.x && y >= box.y && x < box.x + box.w && y < box.y + box.h && x < width && y < height
      ? bits[y * width + x]
      : 0;
  const rings = [];
  for (let y = box.y; y < box.y + box.h; y += 1) {
    let before = 0;
    for (let x = box.x; x < box.x + box.w; x += 1) {
      const here = bits[y * width + x];
      // Every ring, a hole's too, has a pixel whose left edge is walked upwards.
      if (here && !before && !seen[(y - box.y) * (box.w + 1) + x - box.x]) rings.push(walk(x, y, inside, seen, box));
      before = here;
    }
  }
  return rings;
}

// Up, right, down, left: the step, and the pixels ahead on the left and on the right hand, from a vertex.
const STEPS = [
  { dx: 0, dy: -1, left: [-1, -1], right: [0, -1] },
  { dx: 1, dy: 0, left: [0, -1], right: [0, 0] },
  { dx: 0, dy: 1, left: [0, 0], right: [-1, 0] },
  { dx: -1, dy: 0, left: [-1, 0], right: [-1, -1] },
];

/**
 * @param {number} x the pixel whose left edge begins the ring
 * @param {number} y
 * @param {(x: number, y: number) => number} inside
 * @param {Uint8Array} seen left edges already walked
 * @param {import("./rle.js").Box} box
 */
function walk(x, y, inside, seen, box) {
  const ring = [x, y + 1];
  let [vx, vy, heading] = [x, y + 1, 0];
  do {
    const step = STEPS[heading];
    if (heading === 0) seen[(vy - 1 - box.y) * (box.w + 1) + vx - box.x] = 1;
    vx += step.dx;
    vy += step.dy;
    const ahead = STEPS[heading];
    let next = heading;
    if (!inside(vx + ahead.right[0], vy + ahead.right[1])) next = (heading + 1) % 4;
    else if (inside(vx + ahead.left[0], vy + ahead.left[1])) next = (heading + 3) % 4;
    if (next !== heading) ring.push(vx, vy);
    heading = next;
  } while (vx !== x || vy !== y + 1 || heading !== 0);
  return ring;
}
