/** The clip's frames in time: presentation seconds per frame, ascending. Nothing is computed from a nominal rate. */
export class Timebase {
  /** @param {number[]} seconds */
  constructor(seconds) {
    this.seconds = seconds;
  }

  get count() {
    return this.seconds.length;
  }

  /** @param {number} frame */
  at(frame) {
    return this.seconds[Math.min(this.count - 1, Math.max(0, frame))] ?? 0;
  }

  /**
   * The frame on screen at a time: the last one whose presentation has begun.
   *
   * @param {number} time s
   */
  frameAt(time) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.seconds[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * @param {number} seconds
 * @returns {string} 0:07.340
 */
export function clock(seconds) {
  const thousandths = Math.round(Math.max(0, seconds) * 1000);
  const minutes = Math.floor(thousandths / 60000);
  const rest = ((thousandths % 60000) / 1000).toFixed(3).padStart(6, "0");
  return `${minutes}:${rest}`;
}
