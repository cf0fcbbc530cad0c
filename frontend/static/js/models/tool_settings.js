/** How a person likes the tools; kept in the browser from one task to the next. */

import { Emitter } from "./emitter.js";

/** @typedef {{getItem: (key: string) => string | null, setItem: (key: string, value: string) => void}} Keeping */
/**
 * @typedef {object} Choices
 * @property {"round" | "square"} tip
 * @property {boolean} pressure whether a pen's pressure scales the tip
 * @property {boolean} takes whether the foreground takes the pixels
 * @property {number} line thickness of a centreline in px
 * @property {number} speck parts with fewer px are specks
 * @property {number} ahead frames that a mask is pasted on at once
 * @property {boolean} snap whether boundaries that are dragged snap
 * @property {boolean} linked whether boundaries at the same place move together
 * @property {boolean} loop whether the selected segment plays in a loop
 * @property {boolean} signals whether all signal lanes are shown
 */

/** @type {Choices} */
const DEFAULTS = {
  tip: "round",
  pressure: true,
  takes: true,
  line: 4,
  speck: 16,
  ahead: 10,
  snap: true,
  linked: true,
  loop: true,
  signals: false,
};

export class ToolSettings extends Emitter {
  /** @type {Choices} */
  #choices;

  /**
   * @param {Keeping | null} keeping null forgets
   * @param {string} name under which they are kept: one a person
   */
  constructor(keeping, name) {
    super();
    this.keeping = keeping;
    this.name = name;
    this.#choices = { ...DEFAULTS, ...read(keeping, name) };
  }

  /**
   * @template {keyof Choices} K
   * @param {K} name
   * @returns {Choices[K]}
   */
  get(name) {
    return this.#choices[name];
  }

  /**
   * @template {keyof Choices} K
   * @param {K} name
   * @param {Choices[K]} value
   */
  set(name, value) {
    this.#choices[name] = value;
    try {
      this.keeping?.setItem(this.name, JSON.stringify(this.#choices));
    } catch {
      // A browser that keeps nothing works as well, until the page is closed.
    }
    this.emit("change", name);
  }
}

/**
 * @param {Keeping | null} keeping
 * @param {string} name
 * @returns {Partial<Choices>} those that still are what they must be
 */
function read(keeping, name) {
  try {
    const kept = JSON.parse(keeping?.getItem(name) ?? "{}");
    const known = Object.entries(DEFAULTS).filter(([key, value]) => typeof kept?.[key] === typeof value);
    return Object.fromEntries(known.map(([key]) => [key, kept[key]]));
  } catch {
    return {};
  }
}
