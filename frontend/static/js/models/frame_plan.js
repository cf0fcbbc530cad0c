/** Which frames to hold decoded around the playhead, and which to let go. */
export class FramePlan {
  /**
   * @param {{count: number, ahead?: number, behind?: number}} shape frames in the clip, and how many to hold
   */
  constructor({ count, ahead = 60, behind = 20 }) {
    this.count = count;
    this.ahead = ahead;
    this.behind = behind;
  }

  /** @param {number} frame */
  clamp(frame) {
    return Math.min(this.count - 1, Math.max(0, Math.round(frame)));
  }

  /**
   * Frames in the order in which they should be fetched: this one, then those in the direction of travel, of which every
   * third is answered by one behind, because people step back to compare.
   *
   * @param {number} frame
   * @param {1 | -1} direction
   * @returns {number[]}
   */
  wanted(frame, direction) {
    const list = [frame];
    let back = 1;
    for (let step = 1; step <= this.ahead; step += 1) {
      list.push(frame + step * direction);
      if (step % 3 === 0 && back <= this.behind) {
        list.push(frame - back * direction);
        back += 1;
      }
    }
    return list.filter((n) => n >= 0 && n < this.count);
  }

  /**
   * @param {Iterable<number>} held
   * @param {number} frame
   * @param {1 | -1} direction
   * @returns {number[]} frames to let go
   */
  outside(held, frame, direction) {
    return [...held].filter((n) => {
      const distance = (n - frame) * direction;
      return distance > this.ahead || distance < -this.behind;
    });
  }
}

/**
 * Runs of consecutive numbers as [start, end) pairs.
 *
 * @param {Iterable<number>} frames
 * @returns {[number, number][]}
 */
export function spans(frames) {
  /** @type {[number, number][]} */
  const found = [];
  for (const n of [...frames].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && n <= last[1]) last[1] = Math.max(last[1], n + 1);
    else found.push([n, n + 1]);
  }
  return found;
}
