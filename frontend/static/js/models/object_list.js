/** Which objects a list shows, in what order, and which of its rows are in sight. */

/** @typedef {import("./work.js").Track} Track */
/** @typedef {"number" | "label" | "front"} Order */

/**
 * @param {Track[]} tracks
 * @param {{query?: string, order?: Order, on?: Set<string> | null}} wanted words that label or number must hold; the
 *   order; the tracks that are on the frame, null for all
 * @returns {Track[]}
 */
export function chooseObjects(tracks, { query = "", order = "number", on = null }) {
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (/** @type {Track} */ { number, label }) =>
    words.every((word) => (/^\d+$/.test(word) ? String(number).startsWith(word) : label.toLowerCase().includes(word)));
  const found = tracks.filter((track) => (!on || on.has(track.id)) && fits(track));
  if (order === "label") found.sort((a, b) => a.label.localeCompare(b.label) || a.number - b.number);
  else if (order === "front") found.sort((a, b) => b.z_order - a.z_order || b.number - a.number);
  else found.sort((a, b) => a.number - b.number);
  return found;
}

/**
 * The rows of equal height that a scrolled window shows.
 *
 * @param {{count: number, height: number, top: number, room: number, spare?: number}} shape rows, px of a row, px
 *   scrolled, px of the window, rows more on either side
 * @returns {[number, number]} [first, end)
 */
export function rowsInSight({ count, height, top, room, spare = 4 }) {
  const first = Math.max(0, Math.floor(top / height) - spare);
  return [Math.min(first, count), Math.min(count, Math.ceil((top + room) / height) + spare)];
}
