/** What a row of intervals shows at a zoom: bars where there is room to take hold of one, blocks where there is not. */

/** @typedef {{id: string | number, start: number, end: number}} Interval */
/** @typedef {{x: number, width: number, colour: string}} Block px */

/**
 * Index of the first interval of a row that ends after a frame.
 *
 * @param {{start: number, end: number}[]} row by start, none overlapping another
 * @param {number} frame
 */
export function firstAfter(row, frame) {
  let [low, high] = [0, row.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row[middle].end <= frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @template {Interval} T
 * @param {T[]} row by start, none overlapping another
 * @param {number} frame
 * @returns {T | undefined} the one that covers it
 */
export function coveringIn(row, frame) {
  const found = row[firstAfter(row, frame)];
  return found && found.start <= frame ? found : undefined;
}

/**
 * @template {Interval} T
 * @param {T[]} row by start, none overlapping another
 * @param {{first: number, end: number, scale: number, x: (frame: number) => number}} axis
 * @param {{colourOf: (one: T) => string, always: (one: T) => boolean, least?: number}} how px from which one is a bar;
 *   some always are
 * @returns {{bars: T[], blocks: Block[], narrow: T[]}} in sight; blocks of one colour that touch on the screen are one;
 *   narrow are all that have no room for a mark of their own
 */
export function layRow(row, axis, { colourOf, always, least = 10 }) {
  /** @type {T[]} */
  const bars = [];
  /** @type {Block[]} */
  const blocks = [];
  /** @type {T[]} */
  const narrow = [];
  for (let i = firstAfter(row, axis.first); i < row.length && row[i].start < axis.end; i += 1) {
    const one = row[i];
    const x = axis.x(one.start);
    const width = axis.x(one.end) - x;
    if (width < least) narrow.push(one);
    if (width >= least || always(one)) {
      bars.push(one);
      continue;
    }
    addBlock(blocks, x, width, colourOf(one));
  }
  return { bars, blocks, narrow };
}

/**
 * What would lie on each other on the screen, together.
 *
 * @template T
 * @param {T[]} items from left to right
 * @param {(one: T) => number} xOf px
 * @param {number} room px from the first of a cluster that belong to it
 * @returns {{x: number, items: T[]}[]} x is the first one's
 */
export function clusters(items, xOf, room) {
  /** @type {{x: number, items: T[]}[]} */
  const found = [];
  for (const one of items) {
    const x = xOf(one);
    const last = found.at(-1);
    if (last && x - last.x < room) last.items.push(one);
    else found.push({ x, items: [one] });
  }
  return found;
}

/**
 * @param {Block[]} blocks from left to right
 * @param {number} x px
 * @param {number} width px
 * @param {string} colour
 */
function addBlock(blocks, x, width, colour) {
  const last = blocks.at(-1);
  const taken = last ? last.x + last.width : -Infinity;
  // Within half a pixel nothing could be told apart; what is wider keeps the line between two.
  if (last?.colour === colour && x - taken < 0.5 && width < 2) {
    last.width = Math.max(last.width, x + width - last.x);
  } else if (x + Math.max(1, width) > taken) {
    const from = Math.max(x, taken);
    blocks.push({ x: from, width: Math.max(1, x + width - from) - (width >= 3 ? 1 : 0), colour });
  }
}
