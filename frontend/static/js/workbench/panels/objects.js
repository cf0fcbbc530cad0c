/** The objects of the task: a list that makes only the rows in sight, so that a thousand objects do not slow it down. */

import { chooseObjects, rowsInSight } from "../../models/object_list.js";
import { arrange, byId, el, iconButton, onFrame, swatch } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/work.js").Track} Track */
/** @typedef {{element: HTMLElement, shown: string}} Row what was drawn, and of what */

const HEIGHT = 28; // px of a row, as in the style sheet

/** @param {Bench} bench */
export function bindObjects(bench) {
  new ObjectList(bench);
}

class ObjectList {
  /** @type {Map<string, Row>} rows that are made, by track */
  #rows = new Map();
  /** @type {Track[]} */
  #chosen = [];
  /** @type {string | null} the object that was last brought into sight */
  #revealed = null;

  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.list = byId("objects");
    this.room = el("div", { class: "rows" });
    this.empty = el("p", { class: "empty" });
    this.list.replaceChildren(this.room, this.empty);
    this.query = /** @type {HTMLInputElement} */ (byId("object-query"));
    this.order = /** @type {HTMLSelectElement} */ (byId("object-order"));
    this.here = /** @type {HTMLInputElement} */ (byId("object-here"));
    const choose = onFrame(() => this.#choose());
    const draw = onFrame(() => this.#draw());
    bench.on("work", choose);
    bench.on("selection shown readonly", draw);
    bench.on("frame", () => (this.here.checked ? choose() : draw()));
    for (const control of [this.query, this.order, this.here]) control.addEventListener("input", choose);
    this.list.addEventListener("scroll", draw, { passive: true });
    // Keys may come faster than frames: the next row must be there before the next press.
    this.list.addEventListener("focusin", () => this.#draw());
    new ResizeObserver(draw).observe(this.list);
    this.#choose();
  }

  #choose() {
    const { bench } = this;
    const tracks = bench.work.tracks;
    const on = this.here.checked ? new Set(bench.work.masksOn(bench.frame).map(({ track }) => track)) : null;
    const order = /** @type {import("../../models/object_list.js").Order} */ (this.order.value);
    this.#chosen = chooseObjects(tracks, { query: this.query.value, order, on });
    const shown = this.#chosen.length;
    byId("object-count").textContent = shown === tracks.length ? String(shown) : `${shown} of ${tracks.length}`;
    this.empty.hidden = shown > 0;
    this.empty.textContent = tracks.length
      ? "No object fits what is asked for above."
      : "No objects yet. Accept a proposal, or draw one with B, P or S.";
    this.#draw();
  }

  #draw() {
    const { bench, list } = this;
    this.room.style.height = `${this.#chosen.length * HEIGHT}px`;
    const selected = bench.track?.id ?? null;
    if (selected !== this.#revealed) this.#reveal(selected);
    const [first, end] = rowsInSight({
      count: this.#chosen.length,
      height: HEIGHT,
      top: list.scrollTop,
      room: list.clientHeight,
    });
    const focused = document.activeElement?.closest("[data-track]")?.getAttribute("data-track");
    /** @type {HTMLElement[]} */
    const elements = [];
    const seen = new Set();
    this.#chosen.forEach((track, place) => {
      // The row that has the focus stays, wherever it is scrolled to.
      if ((place < first || place >= end) && track.id !== focused) return;
      seen.add(track.id);
      const element = this.#row(track);
      element.style.top = `${place * HEIGHT}px`;
      elements.push(element);
    });
    for (const id of this.#rows.keys()) if (!seen.has(id)) this.#rows.delete(id);
    arrange(this.room, elements);
  }

  /** @param {string | null} selected */
  #reveal(selected) {
    this.#revealed = selected;
    const place = this.#chosen.findIndex(({ id }) => id === selected);
    if (place < 0) return;
    const { list } = this;
    const top = place * HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
  }

  /**
   * The row of a track; made anew only when what it shows has changed.
   *
   * @param {Track} track
   */
  #row(track) {
    const { bench } = this;
    const mask = bench.work.maskOf(track.id, bench.frame);
    const facts = {
      selected: bench.track?.id === track.id,
      here: Boolean(mask && mask.counts !== null),
      outside: Boolean(mask?.outside),
      occluded: Boolean(mask?.occluded && mask.counts !== null),
      hidden: bench.shown.isHidden(track.id),
      locked: bench.shown.isLocked(track.id),
      frames: bench.work.framesOf(track.id).length,
      number: track.number,
      label: track.label,
      colour: bench.colourOf(track.label),
    };
    const shown = JSON.stringify(facts);
    const known = this.#rows.get(track.id);
    if (known?.shown === shown) return known.element;
    const had = known?.element.contains(document.activeElement);
    const element = makeRow(bench, track, facts);
    known?.element.replaceWith(element);
    this.#rows.set(track.id, { element, shown });
    if (had) element.querySelector("button")?.focus({ preventScroll: true });
    return element;
  }
}

/**
 * @param {Bench} bench
 * @param {Track} track
 * @param {Record<string, any>} facts
 */
function makeRow(bench, track, facts) {
  const { number } = track;
  const state = facts.outside ? "outside" : facts.occluded ? "occluded" : "";
  const name = el(
    "button",
    {
      type: "button",
      class: "row-name",
      "aria-pressed": String(facts.selected),
      onclick: () => bench.select("tracks", track.id),
      ondblclick: () => goToTrack(bench, track.id),
      title: "Select; double click goes to its first frame",
    },
    swatch(facts.colour),
    el("span", { class: "number" }, String(number)),
    el("span", { class: "grow" }, track.label),
    state && el("span", { class: "chip small" }, state),
    el("span", { class: "quiet number" }, `${facts.frames} fr`),
  );
  const { hidden, locked } = facts;
  return el(
    "div",
    { class: `row${facts.selected ? " selected" : ""}${facts.here ? "" : " absent"}`, "data-track": track.id },
    name,
    iconButton(locked ? "lock" : "lock-open", `${locked ? "Unlock" : "Lock"} object ${number}`, () =>
      bench.shown.toggleLocked(track.id),
    ),
    iconButton(hidden ? "eye-off" : "eye", `${hidden ? "Show" : "Hide"} object ${number}`, () =>
      bench.shown.toggleHidden(track.id),
    ),
    iconButton("trash-2", `Delete object ${number} on all frames`, () => bench.eraseTrack(track.id), {
      disabled: Boolean(bench.readOnly),
    }),
  );
}

/**
 * @param {Bench} bench
 * @param {string} track
 */
function goToTrack(bench, track) {
  const frames = bench.work.framesOf(track);
  if (frames.length) bench.player.go(Math.min(...frames));
}
