/** Brush tips: which pixels a tip covers on its way from one place to the next. Pure arithmetic, exact for whole sizes. */

/** @typedef {[number, number]} Point */
/** @typedef {"round" | "square"} TipShape */
/** @typedef {(px: number, py: number) => boolean} Covers of a pixel's centre */

/**
 * A tip that changes its size on the way, as a pen does that is pressed harder: what it covers is the union of all its
 * positions, edges included.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} fromSize diameter or side in px
 * @param {number} toSize
 * @param {TipShape} shape
 * @returns {Covers}
 */
export function sweptBy(from, to, fromSize, toSize, shape) {
  if (shape === "square") {
    return fromSize === toSize ? evenSquare(from, to, fromSize / 2) : growingSquare(from, to, fromSize / 2, toSize / 2);
  }
  return fromSize === toSize ? evenDisc(from, to, fromSize / 2) : growingDisc(from, to, fromSize / 2, toSize / 2);
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 * @returns {Covers}
 */
function evenDisc(from, to, radius) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length2 = dx * dx + dy * dy;
  const radius2 = radius * radius;
  return (px, py) => {
    const [ax, ay] = [px - from[0], py - from[1]];
    const along = ax * dx + ay * dy;
    if (along <= 0) return ax * ax + ay * ay <= radius2;
    if (along >= length2) return (px - to[0]) ** 2 + (py - to[1]) ** 2 <= radius2;
    // Without a division: halves and whole numbers stay exact.
    const across = ax * dy - ay * dx;
    return across * across <= radius2 * length2;
  };
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {number} half
 * @returns {Covers}
 */
function evenSquare(from, to, half) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const [left, right] = [Math.min(from[0], to[0]) - half, Math.max(from[0], to[0]) + half];
  const [top, bottom] = [Math.min(from[1], to[1]) - half, Math.max(from[1], to[1]) + half];
  const reach = half * (Math.abs(dx) + Math.abs(dy));
  return (px, py) =>
    px >= left &&
    px <= right &&
    py >= top &&
    py <= bottom &&
    Math.abs((px - from[0]) * dy - (py - from[1]) * dx) <= reach;
}

/**
 * |p - c(t)|² - r(t)² is a parabola in t; the pixel is covered where it falls to 0 or below.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} r0
 * @param {number} r1
 * @returns {Covers}
 */
function growingDisc(from, to, r0, r1) {
  const [dx, dy, dr] = [to[0] - from[0], to[1] - from[1], r1 - r0];
  const a = dx * dx + dy * dy - dr * dr;
  return (px, py) => {
    const [ax, ay] = [px - from[0], py - from[1]];
    const half = ax * dx + ay * dy + r0 * dr;
    const start = ax * ax + ay * ay - r0 * r0;
    if (start <= 0 || a - 2 * half + start <= 0) return true;
    return a > 0 && half > 0 && half < a && start - (half * half) / a <= 0;
  };
}

/**
 * Four sides, each of which says from when to when it holds.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} h0
 * @param {number} h1
 * @returns {Covers}
 */
function growingSquare(from, to, h0, h1) {
  const [dx, dy, dh] = [to[0] - from[0], to[1] - from[1], h1 - h0];
  return (px, py) => {
    let [first, last] = [0, 1];
    for (const [gap, slope] of [
      [px - from[0] - h0, -dx - dh],
      [from[0] - px - h0, dx - dh],
      [py - from[1] - h0, -dy - dh],
      [from[1] - py - h0, dy - dh],
    ]) {
      // gap + slope * t <= 0
      if (slope > 0) last = Math.min(last, -gap / slope);
      else if (slope < 0) first = Math.max(first, -gap / slope);
      else if (gap > 0) return false;
    }
    return first <= last;
  };
}

/**
 * How large a pen's tip is that is pressed so hard: never smaller than a pixel.
 *
 * @param {number} size of a full press, px
 * @param {number} pressure 0 to 1
 */
export const pressedSize = (size, pressure) => Math.max(1, size * Math.min(1, Math.max(0, pressure)));
