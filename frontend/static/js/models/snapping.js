/** What a boundary snaps to while it is dragged: other boundaries first, then what the motion does. */

/** @typedef {{frame: number, why: string, rank: number}} Target rank: of two at the same distance the lower wins */

export class SnapTargets {
  /** @type {Target[]} by frame */
  #targets;

  /** @param {Target[]} targets */
  constructor(targets) {
    this.#targets = [...targets].sort((a, b) => a.frame - b.frame || a.rank - b.rank);
  }

  get all() {
    return this.#targets;
  }

  /**
   * @param {number} frame where the hand is; between two frames, too
   * @param {number} within frames
   * @returns {Target | null} the nearest one, or none that is near
   */
  near(frame, within) {
    let best = null;
    for (let i = this.#from(frame - within); i < this.#targets.length; i += 1) {
      const target = this.#targets[i];
      if (target.frame > frame + within) break;
      const [here, known] = [Math.abs(target.frame - frame), best ? Math.abs(best.frame - frame) : Infinity];
      if (here < known || (here === known && best && target.rank < best.rank)) best = target;
    }
    return best;
  }

  /**
   * The next target after a frame, or the one before it.
   *
   * @param {number} frame
   * @param {1 | -1} way
   * @returns {Target | null}
   */
  next(frame, way) {
    const i = way > 0 ? this.#from(frame + 1) : this.#from(frame) - 1;
    return this.#targets[i] ?? null;
  }

  /** Those at frames [start, end]. @param {number} start @param {number} end @returns {Target[]} */
  within(start, end) {
    const from = this.#from(start);
    return this.#targets.slice(from, Math.max(from, this.#from(end + 1)));
  }

  /** The first target at or after a frame. @param {number} frame */
  #from(frame) {
    let [low, high] = [0, this.#targets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#targets[middle].frame < frame) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
