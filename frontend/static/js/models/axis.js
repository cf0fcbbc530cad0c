/** The time axis of a clip. */

const NEAREST = 8; // frames that are always in sight: from there a frame is as wide as a thumb

/** Frames [first, end) spread over a width in px; whole frames are what everything snaps to. */
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
    const span = Math.min(this.count, Math.max(Math.min(NEAREST, this.count), (this.end - this.first) / factor));
    this.show(held - (x / this.width) * span, span);
  }

  /** @param {number} frames */
  scroll(frames) {
    this.show(this.first + frames, this.end - this.first);
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

  /** A stretch of frames with some room on either side. @param {number} start @param {number} end */
  frameOn(start, end) {
    const span = Math.min(this.count, Math.max(NEAREST, (end - start) * 1.25));
    this.show((start + end - span) / 2, span);
  }

  /** Frames [first, end), or as few as can be shown. @param {number} first @param {number} end */
  showFrom(first, end) {
    const [from, to] = [Math.max(0, first), Math.min(this.count, end)];
    if (to - from < Math.min(NEAREST, this.count)) return;
    this.show(from, to - from);
  }

  /** Bring a frame into sight as one turns a page: what comes next is seen ahead of it. @param {number} frame */
  turnTo(frame) {
    const span = this.end - this.first;
    if (frame < this.first || frame + 1 > this.end) this.show(frame - span * 0.1, span);
  }

  /**
   * @param {number} first
   * @param {number} span
   */
  show(first, span) {
    this.first = Math.min(this.count - span, Math.max(0, first));
    this.end = this.first + span;
  }
}
