/**
 * Values of signal lanes in tiles, fetched as they come in sight and kept while they are of use.
 *
 * A tile holds the extremes of `TILE` stretches of `step` frames each; steps are powers of two, so that scrolling and
 * small changes of zoom need nothing new.
 */

export const TILE = 512;

/** @typedef {{low: (number | null)[], high: (number | null)[]}} Values */
/** @typedef {{start: number, step: number, values: Values}} Tile */
/** @typedef {{start: number, end: number, step: number, names: string[]}} Request */

/**
 * The tiles that an axis shows.
 *
 * @param {{first: number, end: number, scale: number, count: number}} axis scale in px per frame
 * @returns {{step: number, from: number, to: number}} frames under each value, and tiles [from, to)
 */
export function tilesFor({ first, end, scale, count }) {
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(1 / scale)));
  const span = step * TILE;
  return { step, from: Math.floor(first / span), to: Math.max(1, Math.ceil(Math.min(end, count) / span)) };
}

export class SignalTiles {
  /** @type {Map<string, Values | null>} null: on its way */
  #held = new Map();

  /**
   * @param {number} count frames of the clip
   * @param {(request: Request) => Promise<Record<string, Values> | null>} fetch null when no answer came
   * @param {{most?: number, changed?: () => void}} [options] tiles kept
   */
  constructor(count, fetch, { most = 3000, changed = () => undefined } = {}) {
    this.count = count;
    this.fetch = fetch;
    this.most = most;
    this.changed = changed;
  }

  /**
   * Ask for what is in sight and not there yet; lanes that lack the same tile are asked for together.
   *
   * @param {string[]} names
   * @param {{first: number, end: number, scale: number, count: number}} axis
   */
  want(names, axis) {
    const { step, from, to } = tilesFor(axis);
    for (let tile = from; tile < to; tile += 1) {
      const missing = names.filter((name) => !this.#held.has(key(name, step, tile)));
      if (missing.length) this.#ask(missing, step, tile);
    }
  }

  /**
   * What there is to draw of a lane, at this zoom or else at a coarser one, by frame.
   *
   * @param {string} name
   * @param {{first: number, end: number, scale: number, count: number}} axis
   * @returns {Tile[]}
   */
  shown(name, axis) {
    const { step, from, to } = tilesFor(axis);
    /** @type {Tile[]} */
    const found = [];
    for (let tile = from; tile < to; tile += 1) {
      const best = this.#best(name, step, tile);
      if (best && found.at(-1)?.values !== best.values) found.push(best);
    }
    return found;
  }

  /** Forget everything: the values may have changed. */
  clear() {
    this.#held.clear();
  }

  /**
   * @param {string} name
   * @param {number} step
   * @param {number} tile
   * @returns {Tile | null}
   */
  #best(name, step, tile) {
    for (let [s, t] = [step, tile]; s <= 2 * this.count; [s, t] = [s * 2, t >> 1]) {
      const values = this.#held.get(key(name, s, t));
      if (values) return { start: t * s * TILE, step: s, values };
    }
    return null;
  }

  /**
   * @param {string[]} names
   * @param {number} step
   * @param {number} tile
   */
  async #ask(names, step, tile) {
    for (const name of names) this.#held.set(key(name, step, tile), null);
    const start = tile * step * TILE;
    const end = Math.min(this.count, start + step * TILE);
    const answer = await this.fetch({ start, end, step, names });
    for (const name of names) {
      const values = answer?.[name];
      // What did not come is asked for again the next time that it is in sight.
      if (values) this.#held.set(key(name, step, tile), values);
      else this.#held.delete(key(name, step, tile));
    }
    for (const old of this.#held.keys()) {
      if (this.#held.size <= this.most) break;
      if (this.#held.get(old)) this.#held.delete(old);
    }
    if (answer) this.changed();
  }
}

/**
 * @param {string} name
 * @param {number} step
 * @param {number} tile
 */
const key = (name, step, tile) => `${step} ${tile} ${name}`;
