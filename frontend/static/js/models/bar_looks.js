/** What tells bars of one class apart: neighbours in two tones, and the phase's place in the order of phases. */

/** @typedef {{id: string | number, start: number, end: number}} Interval */

/**
 * The bars of a row that are drawn in the other tone: every second one of those of one colour that follow each other,
 * with or without a gap.
 *
 * @template {Interval} T
 * @param {T[]} row by start
 * @param {(one: T) => string} colourOf
 * @returns {Set<string | number>} ids
 */
export function otherTone(row, colourOf) {
  const found = new Set();
  let [last, other] = ["", false];
  for (const one of row) {
    const colour = colourOf(one);
    other = colour === last && !other;
    if (other) found.add(one.id);
    last = colour;
  }
  return found;
}

/**
 * Where a phase stands in the order of phases; the colour between the first's and the last's follows from it.
 *
 * @param {{key: string}[]} phases in order
 * @param {string} key
 * @returns {number | null} 0 the first, 1 the last; null for none
 */
export function placeOfPhase(phases, key) {
  const at = phases.findIndex((phase) => phase.key === key);
  if (at < 0) return null;
  return phases.length > 1 ? at / (phases.length - 1) : 0;
}

/** @param {number} place 0 to 1 @returns {string} a colour for CSS */
export const phaseColour = (place) =>
  `color-mix(in oklch, var(--phase-last) ${Math.round(100 * place)}%, var(--phase-first))`;
