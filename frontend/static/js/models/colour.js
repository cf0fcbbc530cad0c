/** Colours of labels, as numbers. */

/** @param {string} colour #rrggbb @returns {[number, number, number]} 0-255 */
export function channels(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * The colour for a thin line over any picture: a dark one is mixed with white, or it would be lost in the shadows.
 *
 * @param {string} colour #rrggbb
 */
export function lineColour(colour) {
  const [r, g, b] = channels(colour);
  const lightness = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  if (lightness >= 0.45) return colour;
  const white = (0.45 - lightness) / (1 - lightness);
  const mixed = [r, g, b].map((value) => Math.round(value + (255 - value) * white));
  return `rgb(${mixed.join(" ")})`;
}
