// Amounts and remaining times in words.

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/**
 * @param {number} bytes
 * @returns {string} such as "1.7 MB"
 */
export function sizeOf(bytes) {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? value.toFixed(1) : value} ${UNITS[unit]}`;
}

/**
 * @param {number} seconds
 * @returns {string} such as "40 s" or "12 min"
 */
export function span(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/**
 * @param {number} done bytes
 * @param {number} total bytes
 * @param {number | null} left seconds, null when not known yet
 */
export function say(done, total, left) {
  const share = total ? Math.floor((100 * done) / total) : 0;
  return left === null ? `${share} %` : `${share} %, ${span(left)} left`;
}

/** Estimates the remaining time from the last few pieces, so that a slow start does not colour the rest. */
export class EtaMeter {
  /** @type {{at: number, done: number}[]} */
  #seen = [];

  /** @param {() => number} now milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /**
   * @param {number} done
   * @param {number} total
   * @returns {number | null} seconds
   */
  left(done, total) {
    this.#seen.push({ at: this.now(), done });
    if (this.#seen.length > 8) this.#seen.shift();
    const first = this.#seen[0];
    const seconds = (this.now() - first.at) / 1000;
    if (seconds <= 0 || done <= first.done) return null;
    return ((total - done) * seconds) / (done - first.done);
  }
}
