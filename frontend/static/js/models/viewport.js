/** Where the picture lies on the stage: screen = picture * scale + offset, all in CSS px. */
const MARGIN = 8;
const FOOT = 22; // the line of hints below the picture
const SEEN_WELL = 48; // screen px that something must measure to be seen as what it is

export class Viewport {
  constructor() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.stage = { w: 1, h: 1 };
    this.picture = { w: 1, h: 1 };
    this.fitted = true;
  }

  /**
   * @param {number} w
   * @param {number} h
   */
  resize(w, h) {
    this.stage = { w, h };
    if (this.fitted) this.fit();
    else this.#clamp();
  }

  fit() {
    const { stage, picture } = this;
    const room = { w: stage.w - 2 * MARGIN, h: stage.h - 2 * MARGIN - FOOT };
    this.scale = Math.max(0.05, Math.min(room.w / picture.w, room.h / picture.h, 8));
    this.x = Math.round((stage.w - picture.w * this.scale) / 2);
    this.y = Math.round((stage.h - FOOT - picture.h * this.scale) / 2);
    this.fitted = true;
  }

  /**
   * @param {number} factor
   * @param {number} sx stage px that keeps its picture point
   * @param {number} sy
   */
  zoom(factor, sx, sy) {
    const [px, py] = this.toPicture(sx, sy);
    this.scale = Math.min(64, Math.max(0.05, this.scale * factor));
    this.x = sx - px * this.scale;
    this.y = sy - py * this.scale;
    this.fitted = false;
    this.#clamp();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#clamp();
  }

  /**
   * Bring a part of the picture into sight, large enough to be looked at. What is seen well already stays where it is.
   *
   * @param {import("./rle.js").Box} box picture px, not empty
   * @returns {boolean} whether anything moved
   */
  reveal({ x, y, w, h }) {
    const { stage, scale } = this;
    const [left, top] = [x * scale + this.x, y * scale + this.y];
    const [right, bottom] = [left + w * scale, top + h * scale];
    const isIn = left >= 0 && top >= 0 && right <= stage.w && bottom <= stage.h - FOOT;
    if (isIn && Math.max(w, h) * scale >= SEEN_WELL) return false;
    const fits = Math.min((stage.w - 2 * MARGIN) / w, (stage.h - FOOT - 2 * MARGIN) / h);
    this.scale = Math.min(64, fits, Math.max(scale, SEEN_WELL / Math.max(w, h)));
    this.x = stage.w / 2 - (x + w / 2) * this.scale;
    this.y = (stage.h - FOOT) / 2 - (y + h / 2) * this.scale;
    this.fitted = false;
    this.#clamp();
    return true;
  }

  /**
   * @param {number} sx
   * @param {number} sy
   * @returns {[number, number]} picture px, fractions kept
   */
  toPicture(sx, sy) {
    return [(sx - this.x) / this.scale, (sy - this.y) / this.scale];
  }

  /** The picture may leave the stage, but never so far that it cannot be found again. */
  #clamp() {
    const room = 40;
    const { stage, picture, scale } = this;
    this.x = Math.min(stage.w - room, Math.max(room - picture.w * scale, this.x));
    this.y = Math.min(stage.h - room, Math.max(room - picture.h * scale, this.y));
  }
}
