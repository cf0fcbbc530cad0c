/**
 * Keys and what they do: one table that binds them, fills tooltips and writes the help sheet.
 *
 * Every command comes with keys; a person may give it others. What a person chose stands, and a key that they took for
 * one command is no longer what it came as for another.
 */

import { Emitter } from "./emitter.js";

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} title
 * @property {string} group
 * @property {string[]} keys like "b", "Shift+ArrowLeft", "Mod+z"; Mod is Ctrl, or Cmd on a Mac; kept up to date
 * @property {(event: KeyboardEvent) => void} run
 * @property {boolean} [whileTyping] also in text fields
 * @property {boolean} [writes] changes work; off when the task is read-only
 */
/** @typedef {Record<string, string[]>} Bindings keys by command id */

/** @type {Record<string, string>} */
const NAMES = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  " ": "Space",
  Mod: "Ctrl",
  Escape: "Esc",
  Delete: "Del",
};

const MODIFIERS = new Set([
  "Control",
  "Shift",
  "Alt",
  "AltGraph",
  "Meta",
  "CapsLock",
  "Dead",
  "Process",
  "Unidentified",
]);
// A page never hears of these, or the whole browser would change under the hand.
const OF_THE_BROWSER = new Set([
  "Mod+w",
  "Mod+t",
  "Mod+n",
  "Mod+Shift+w",
  "Mod+Shift+t",
  "Mod+Shift+n",
  "F5",
  "F11",
  "F12",
]);
const MOST = 6; // keys for one command

/**
 * What a hand already knows from elsewhere, where it differs from how the keys come.
 *
 * @type {Record<string, {title: string, keys: Bindings}>}
 */
export const LAYOUTS = {
  loupe: { title: "Loupe", keys: {} },
  cvat: {
    title: "CVAT",
    keys: {
      "on-10": ["v", "Shift+ArrowRight", "Shift+f"],
      "tool-select": ["Shift+v"],
      "next-key": ["r"],
      "previous-key": ["e"],
      "tool-brush": ["!", "b"],
      "tool-eraser": ["@", "Shift+e"],
      "tool-polygon": ["#", "p"],
    },
  },
  labelstudio: {
    title: "Label Studio",
    keys: {
      back: ["Alt+ArrowLeft", "d", "ArrowLeft"],
      on: ["Alt+ArrowRight", "f", "ArrowRight"],
      "back-10": ["Alt+Shift+ArrowLeft", "c", "Shift+ArrowLeft", "Shift+d"],
      "on-10": ["Alt+Shift+ArrowRight", "Shift+ArrowRight", "Shift+f"],
      play: ["Alt+ ", " "],
    },
  },
};

/**
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event
 * @returns {string}
 */
export function chord(event) {
  const single = event.key.length === 1;
  const key = single ? event.key.toLowerCase() : event.key;
  // "?" already needs Shift on most keyboards, and on others it does not: only letters, digits and named keys count it.
  const shift = event.shiftKey && (!single || /^[a-z0-9 ]$/.test(key));
  const parts = [event.ctrlKey || event.metaKey ? "Mod" : "", event.altKey ? "Alt" : "", shift ? "Shift" : "", key];
  return parts.filter(Boolean).join("+");
}

/** Whether only a modifier is held down so far, and the key itself is still to come. @param {{key: string}} event */
export const isUnfinished = (event) => MODIFIERS.has(event.key);

/** @param {string} keys */
export function legible(keys) {
  const parts = keys === "+" || keys.endsWith("++") ? [...keys.slice(0, -2).split("+"), "+"] : keys.split("+");
  return parts
    .filter(Boolean)
    .map((key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key))
    .join("+");
}

/** As `aria-keyshortcuts` wants it. @param {string} keys */
export const spoken = (keys) => keys.replace("Mod+", "Control+").replace(/(^|\+) $/, "$1Space");

export class KeyTable extends Emitter {
  /** @type {Map<string, Command>} */
  #byKey = new Map();
  /** @type {Map<string, Command>} */
  #byId = new Map();
  /** @type {Map<string, string[]>} as they come */
  #defaults = new Map();
  /** @type {Map<string, string[]>} as the person wants them; those of other projects' labels too */
  #own;

  /** @param {Bindings} [own] what this person has changed */
  constructor(own = {}) {
    super();
    this.#own = new Map(Object.entries(own));
  }

  /** @param {Command} command */
  add(command) {
    if (this.#byId.has(command.id)) throw new Error(`There are two commands called ${command.id}.`);
    for (const [id, keys] of this.#defaults) {
      const both = keys.find((key) => command.keys.includes(key));
      if (both) throw new Error(`${legible(both)} is both "${this.#byId.get(id)?.title}" and "${command.title}".`);
    }
    this.#byId.set(command.id, command);
    this.#defaults.set(command.id, command.keys);
    this.#bind();
  }

  /** @param {string} key a chord @returns {Command | undefined} */
  find(key) {
    return this.#byKey.get(key);
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /** What the person has changed. @returns {Bindings} */
  get own() {
    return Object.fromEntries(this.#own);
  }

  /** @param {string} id */
  isChanged(id) {
    return this.#own.has(id);
  }

  /**
   * Give a command these keys and no others.
   *
   * @param {string} id
   * @param {string[]} keys
   * @returns {string} a sentence that says why not; empty when it was done
   */
  rebind(id, keys) {
    const command = this.#byId.get(id);
    if (!command) return `There is no command ${id}.`;
    if (keys.length > MOST) return `A command has at most ${MOST} keys; take one of them away first.`;
    for (const key of keys) {
      const other = this.#byKey.get(key);
      if (OF_THE_BROWSER.has(key)) return `The browser keeps ${legible(key)} for itself; choose another key.`;
      if (other && other.id !== id) {
        return `${legible(key)} already is "${other.title}"; give that another key first.`;
      }
    }
    const wanted = [...new Set(keys)];
    if (String(wanted) === String(this.#defaults.get(id))) this.#own.delete(id);
    else this.#own.set(id, wanted);
    this.#changed();
    return "";
  }

  /**
   * One command as it comes.
   *
   * @param {string} id
   * @returns {string} a sentence that says why not; empty when it was done
   */
  reset(id) {
    return this.rebind(id, this.#defaults.get(id) ?? []);
  }

  /** Everything as a layout has it. @param {Bindings} layout */
  resetAll(layout = {}) {
    this.#own = new Map(Object.entries(layout));
    this.#changed();
  }

  /** "Brush (B)", for a tooltip. @param {string} id */
  tooltip(id) {
    const command = this.#byId.get(id);
    if (!command) return "";
    return command.keys.length ? `${command.title} (${legible(command.keys[0])})` : command.title;
  }

  /**
   * @param {string} [wanted] words of a title or group, or a key
   * @returns {[string, Command[]][]} groups in the order in which they were added
   */
  groups(wanted = "") {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    /** @type {Map<string, Command[]>} */
    const groups = new Map();
    for (const command of this.#byId.values()) {
      const text = `${command.title} ${command.group}`.toLowerCase();
      const names = command.keys.flatMap((key) => [key.toLowerCase(), legible(key).toLowerCase()]);
      if (!words.every((word) => text.includes(word) || names.includes(word))) continue;
      groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
    }
    return [...groups];
  }

  #changed() {
    this.#bind();
    this.emit("change");
  }

  #bind() {
    this.#byKey = new Map();
    for (const [id, keys] of this.#own) this.#take(this.#byId.get(id), keys);
    for (const [id, keys] of this.#defaults) if (!this.#own.has(id)) this.#take(this.#byId.get(id), keys);
  }

  /**
   * @param {Command | undefined} command
   * @param {string[]} keys
   */
  #take(command, keys) {
    if (!command) return;
    command.keys = keys.filter((key) => !this.#byKey.has(key));
    for (const key of command.keys) this.#byKey.set(key, command);
  }
}
