// How half-open ranges of frames are said to people, who count both ends; annotation/spoken.py says the same.

/**
 * The range [start, end) in a sentence.
 *
 * @param {number} start
 * @param {number} end
 */
export function framesSaid(start, end) {
  return end === start + 1 ? `frame ${start}` : `frames ${start} to ${end - 1}`;
}

/**
 * The range [start, end) where there is room for numbers only.
 *
 * @param {number} start
 * @param {number} end
 */
export function framesShort(start, end) {
  return end === start + 1 ? `${start}` : `${start}–${end - 1}`;
}
