/**
 * The rows of segments by keyboard, as a toolbar: a row is one stop for Tab, Left and Right walk along it, Home and End
 * go to its ends. What is only painted because it is too narrow becomes a bar when it is walked on.
 */

import { byId } from "./dom.js";

/** @typedef {{id: string | number, start: number, end: number}} Item */
/** @typedef {import("./segment_lanes.js").Lane} Lane */

export class LaneStops {
  /** What each row was last left on. @type {WeakMap<Lane, string | number>} */
  #left = new WeakMap();

  /** @param {import("./segment_lanes.js").SegmentLanes} lanes */
  constructor(lanes) {
    this.lanes = lanes;
  }

  /**
   * Where Tab enters a row: where it was left, else what is selected, else the first in sight.
   *
   * @param {Lane} lane
   * @param {Item[]} row by start
   * @param {(item: Item) => boolean} isChosen
   * @returns {string | number | undefined} none where nothing is in sight
   */
  of(lane, row, isChosen) {
    const { axis } = this.lanes;
    const inSight = (/** @type {Item | undefined} */ one) => one && one.start < axis.end && one.end > axis.first;
    const left = this.#left.get(lane);
    const kept = left === undefined ? undefined : row.find(({ id }) => id === left);
    if (inSight(kept)) return kept?.id;
    return (row.find((one) => isChosen(one) && inSight(one)) ?? row.find(inSight))?.id;
  }

  /** @param {Lane} lane */
  bind(lane) {
    lane.element.addEventListener("keydown", (event) => this.#key(event, lane));
    lane.element.addEventListener("focusin", ({ target }) => {
      const found = [...lane.bars].find(([, { element }]) => element === target);
      if (!found || this.#left.get(lane) === found[0]) return;
      this.#left.set(lane, found[0]);
      this.mark(lane, found[0]);
    });
  }

  /**
   * @param {Lane} lane
   * @param {string | number | undefined} stop
   */
  mark({ element, name, bars }, stop) {
    const entry = bars.get(stop ?? "")?.element;
    for (const one of [name, ...[...bars.values()].map((bar) => bar.element)]) {
      const index = one === (entry ?? name) ? 0 : -1;
      if (one.tabIndex !== index && (one !== name || name.matches("button"))) one.tabIndex = index;
    }
    element.toggleAttribute("data-empty", !bars.size);
  }

  /** The bar that has the focus goes out of sight or is deleted: the hands stay on the row. @param {Lane} lane */
  lost({ bars, element }) {
    const next = [...bars.values()].map((bar) => bar.element).find((one) => one.tabIndex === 0);
    (next ?? element.querySelector("button.lane-name") ?? byId("ornaments")).focus({ preventScroll: true });
  }

  /** Another segment was selected by key while the focus is in its row: it goes along. */
  follow() {
    const { segment } = this.lanes.bench;
    const lane = segment && this.lanes.laneWith(segment.id);
    if (!segment || !lane?.body.contains(document.activeElement)) return;
    if (this.#left.get(lane) !== segment.id) this.#focus(lane, segment);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Lane} lane
   */
  #key(event, lane) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const { row } = lane;
    const onName = event.target === lane.name;
    const at = onName ? -1 : row.findIndex(({ id }) => id === this.#left.get(lane));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: row.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to < 0 && lane.name.matches("button")) lane.name.focus();
    const item = row[to];
    if (item) this.#focus(lane, item);
  }

  /**
   * @param {Lane} lane
   * @param {Item} item
   */
  #focus(lane, item) {
    const { axis, timeline } = this.lanes;
    this.#left.set(lane, item.id);
    if (item.end <= axis.first || item.start >= axis.end) axis.reveal(item.start);
    timeline.moved();
    this.lanes.drawNow();
    lane.bars.get(item.id)?.element.focus({ preventScroll: true });
  }
}
