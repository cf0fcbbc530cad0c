/** Brightness and contrast of the picture alone: masks keep their colours, and the frame keeps its pixels. */

const LEAST = 0.2;
const MOST = 4;

export class Grade {
  #canvas = new OffscreenCanvas(1, 1);
  /** @type {{bitmap: ImageBitmap | null, filter: string}} what the canvas holds */
  #made = { bitmap: null, filter: "" };

  constructor() {
    this.brightness = 1;
    this.contrast = 1;
  }

  get neutral() {
    return this.brightness === 1 && this.contrast === 1;
  }

  /**
   * @param {{brightness?: number, contrast?: number}} values 1 leaves the picture as it is
   */
  set({ brightness = this.brightness, contrast = this.contrast }) {
    const within = (/** @type {number} */ value) => Math.round(Math.min(MOST, Math.max(LEAST, value)) * 100) / 100;
    this.brightness = within(brightness);
    this.contrast = within(contrast);
  }

  /**
   * @param {ImageBitmap} bitmap
   * @returns {CanvasImageSource} the same bitmap when nothing is changed
   */
  of(bitmap) {
    if (this.neutral) return bitmap;
    const filter = `brightness(${this.brightness}) contrast(${this.contrast})`;
    // Panning and drawing repaint the same frame many times.
    if (this.#made.bitmap !== bitmap || this.#made.filter !== filter) {
      const { width, height } = bitmap;
      if (this.#canvas.width !== width || this.#canvas.height !== height) {
        this.#canvas = new OffscreenCanvas(width, height);
      }
      const g = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
      g.filter = filter;
      g.drawImage(bitmap, 0, 0);
      this.#made = { bitmap, filter };
    }
    return this.#canvas;
  }
}
