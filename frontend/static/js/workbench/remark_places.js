/** What a remark is about: where it is shown on the picture, and the way there. */

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("./stage.js").Stage} Stage */
/**
 * @typedef {object} Remark
 * @property {string} severity
 * @property {string} message
 * @property {string} [mask]
 * @property {string} [segment]
 * @property {string} [track]
 * @property {number} [frame]
 * @property {[number, number]} [at] pixel of the picture to look at
 * @property {[number, number][]} [places] further ones
 * @property {string} [rule] of the grammar, which is checked on this page, live
 * @property {number} [instruction] which of the segment's
 * @property {string} [word] that no dictionary has
 * @property {string} [meant] instead of it, perhaps
 */

const RING = 14; // screen px
const AROUND = 12; // picture px that are shown around a place

/** @param {Remark} remark */
const placesOf = ({ at, places = [] }) => (at ? [at, ...places] : places);

/**
 * Go to what a remark is about: the frame, the object or segment, and the part of the picture.
 *
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {Remark} remark
 */
export function visit(bench, stage, remark) {
  const segment = remark.segment ? bench.work.get("segments", remark.segment) : undefined;
  const frame = remark.frame ?? segment?.start;
  if (frame !== undefined && frame !== null) bench.player.go(frame);
  if (segment) bench.select("segments", segment.id);
  else if (remark.track) bench.select("tracks", remark.track);
  const box = boxOf(bench, remark);
  if (box) stage.reveal(box);
}

/**
 * @param {Bench} bench
 * @param {Remark} remark
 * @returns {import("../models/rle.js").Box | null}
 */
function boxOf(bench, remark) {
  const places = placesOf(remark);
  if (places.length) {
    const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
    const [left, top] = [Math.min(...xs) - AROUND, Math.min(...ys) - AROUND];
    return { x: left, y: top, w: Math.max(...xs) + AROUND - left, h: Math.max(...ys) + AROUND - top };
  }
  const mask = remark.mask ? bench.work.get("masks", remark.mask) : undefined;
  const box = mask?.counts ? bench.tileOf(mask).reach : null;
  return box?.w ? box : null;
}

/**
 * Round the places that the remarks of a frame are about.
 *
 * @param {Bench} bench
 * @param {Stage} stage
 */
export function markPlaces(bench, stage) {
  stage.addPainter((g) => {
    const marked = bench.remarks.filter(({ frame }) => frame === bench.frame).flatMap(placesOf);
    stage.element.dataset.marked = String(marked.length);
    for (const at of marked) ring(g, stage.hair, at);
  });
  bench.on("remarks-changed", () => stage.redraw());
}

/**
 * @param {CanvasRenderingContext2D} g
 * @param {number} hair
 * @param {[number, number]} at
 */
function ring(g, hair, [x, y]) {
  for (const [colour, width] of /** @type {[string, number][]} */ ([
    ["rgb(0 0 0 / 70%)", 4],
    ["#f0b952", 2],
  ])) {
    g.beginPath();
    g.arc(x + 0.5, y + 0.5, RING * hair, 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = width * hair;
    g.stroke();
  }
}
