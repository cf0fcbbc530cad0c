/** The time axis: frames [first, end) spread over a width in px; whole frames are what everything snaps to. */
export class TimeAxis {
  /** @param {number} count frames in the clip */
  constructor(count) {
    this.count = count;
    this.first = 0;
    this.end = count;
    this.width = 1;
  }

  get scale() {
    return this.width / (this.end - this.first);
  }

  /** @param {number} frame the left edge of this frame, in px */
  x(frame) {
    return (frame - this.first) * this.scale;
  }

  /** @param {number} x px */
  frame(x) {
    return Math.min(this.count - 1, Math.max(0, Math.floor(this.first + x / this.scale)));
  }

  /** The frame boundary nearest to x: where an interval begins or ends. @param {number} x px */
  boundary(x) {
    return Math.min(this.count, Math.max(0, Math.round(this.first + x / this.scale)));
  }

  /**
   * @param {number} factor above 1 shows fewer frames
   * @param {number} x px that keeps its frame
   */
  zoom(factor, x) {
    const held = this.first + x / this.scale;
    const span = Math.min(this.count, Math.max(Math.min(20, this.count), (this.end - this.first) / factor));
    this.#show(held - (x / this.width) * span, span);
  }

  /** @param {number} frames */
  scroll(frames) {
    this.#show(this.first + frames, this.end - this.first);
  }

  /** Bring a frame into sight, moving no more than needed. @param {number} frame */
  reveal(frame) {
    if (frame < this.first) this.scroll(frame - this.first);
    else if (frame + 1 > this.end) this.scroll(frame + 1 - this.end);
  }

  /** Frames between labelled ticks so that labels are at least `room` px apart. @param {number} room */
  tick(room = 70) {
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000];
    return steps.find((step) => step * this.scale >= room) ?? 500000;
  }

  /**
   * @param {number} first
   * @param {number} span
   */
  #show(first, span) {
    this.first = Math.min(this.count - span, Math.max(0, first));
    this.end = this.first + span;
  }
}
