/** What canvases of the time axis have in common. */

/**
 * A canvas as sharp as the screen is, cleared; coordinates are CSS px.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} width px
 * @param {number} height px
 */
export function sheet(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  return { g, colour: (/** @type {string} */ name) => style.getPropertyValue(name) };
}
