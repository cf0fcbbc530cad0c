/** Lists and strips by keyboard: one stop for Tab, the arrows walk inside, and a list that is drawn anew keeps the focus. */

/**
 * @param {HTMLElement} list
 * @param {string} selector of what can be stepped on, one in each row
 */
export function rove(list, selector) {
  /** @returns {HTMLElement[]} */
  const stops = () => [...list.querySelectorAll(selector)].filter((stop) => stop instanceof HTMLElement);
  let at = 0;
  let inside = false;

  const mark = () => {
    const all = stops();
    // A list that shows only the rows in sight moves them under the focus.
    const focused = all.findIndex((stop) => stop === document.activeElement);
    at = focused >= 0 ? focused : Math.max(0, Math.min(at, all.length - 1));
    const chosen = all.findIndex((stop) => stop.getAttribute("aria-pressed") === "true");
    const entry = inside || chosen < 0 ? at : chosen;
    all.forEach((stop, i) => {
      const index = i === entry ? 0 : -1;
      // What else stands in the row is reached from its row.
      for (const each of stop.closest(".row")?.querySelectorAll("button") ?? [stop]) {
        if (each instanceof HTMLElement && each.tabIndex !== index) each.tabIndex = index;
      }
    });
    return all;
  };

  list.addEventListener("focusin", (event) => {
    inside = true;
    const found = stops().indexOf(/** @type {HTMLElement} */ (event.target));
    if (found >= 0) at = found;
    mark();
  });
  list.addEventListener("focusout", (event) => {
    // Nothing follows when the focused element was taken away by drawing; then the focus is given back below.
    if (event.relatedTarget && !list.contains(/** @type {Node} */ (event.relatedTarget))) inside = false;
  });
  list.addEventListener("keydown", (event) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!by || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const all = stops();
    if (!all.length) return;
    event.preventDefault();
    event.stopPropagation();
    all[Math.max(0, Math.min(all.length - 1, at + by))].focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!list.contains(/** @type {Node} */ (event.target))) inside = false;
  });
  new MutationObserver(() => {
    const all = mark();
    const lost = inside && (document.activeElement === document.body || document.activeElement === null);
    if (lost) all[at]?.focus({ preventScroll: true });
  }).observe(list, { childList: true, subtree: true });
  mark();
}

/** The places of the page, in the order in which F6 visits them. @param {string[]} ids */
export function visitPlaces(ids) {
  /** @param {HTMLElement} place @returns {HTMLElement | null} */
  const entry = (place) =>
    place.matches("[tabindex='0'], button, input")
      ? place
      : place.querySelector("button:not([tabindex='-1']):not(:disabled), [tabindex='0'], input, select, a");
  return (/** @type {1 | -1} */ way) => {
    const places = ids
      .map((id) => document.getElementById(id))
      .filter((place) => place !== null && entry(place) !== null);
    // A place may stand within another.
    const here = places.findLastIndex((place) => place?.contains(document.activeElement));
    const next = places[(here + way + places.length) % places.length];
    if (next) entry(next)?.focus();
  };
}
