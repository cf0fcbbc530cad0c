/** The keys of this screen, written from the table that binds them, and the place where a person gives them others. */

import { ask } from "../../api.js";
import { chord, isUnfinished, LAYOUTS, legible } from "../../models/keys.js";
import { byId, el, icon } from "../dom.js";

/** @typedef {import("../../models/keys.js").KeyTable} KeyTable */
/** @typedef {import("../../models/keys.js").Command} Command */

const SAVE_AFTER = 400; // ms: several changes are one save

class HelpSheet {
  #sheet = byId("help");
  #list = byId("help-keys");
  #search = /** @type {HTMLInputElement} */ (byId("help-search"));
  #said = byId("help-said");
  /** @type {{id: string, slot: number} | null} the key that is being pressed anew */
  #capturing = null;
  /** @type {Element | null} where the focus goes back to */
  #cameFrom = null;
  #timer = 0;

  /** @param {KeyTable} keys */
  constructor(keys) {
    this.keys = keys;
    keys.add({
      id: "help",
      title: "Show or hide this sheet",
      group: "Task",
      keys: ["?", "F1"],
      run: () => this.toggle(),
    });
    byId("help-close").addEventListener("click", () => this.toggle());
    byId("help-open").addEventListener("click", () => this.toggle());
    byId("help-reset").addEventListener("click", () => this.#resetTo("loupe"));
    const layouts = /** @type {HTMLSelectElement} */ (byId("help-layout"));
    layouts.append(...Object.entries(LAYOUTS).map(([value, { title }]) => el("option", { value }, title)));
    layouts.addEventListener("change", () => {
      if (layouts.value) this.#resetTo(layouts.value);
      layouts.value = "";
    });
    this.#search.addEventListener("input", () => this.#draw());
    this.#sheet.addEventListener("keydown", (event) => this.#onKey(event));
    // Before anything else hears of it: the key that is being chosen must not do what it does now.
    document.addEventListener("keydown", (event) => this.#capture(event), { capture: true });
    keys.on("change", () => {
      this.#draw();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#save(), SAVE_AFTER);
    });
  }

  toggle() {
    this.#stopCapturing();
    this.#sheet.hidden = !this.#sheet.hidden;
    if (this.#sheet.hidden) {
      // Without a place to go back to the focus stays in the hidden sheet for a moment, and the next key is lost there.
      const back = this.#cameFrom instanceof HTMLElement && this.#cameFrom !== document.body ? this.#cameFrom : null;
      (back ?? byId("ornaments")).focus();
      return;
    }
    this.#cameFrom = document.activeElement;
    this.#search.value = "";
    this.#say("Click a key, or press Enter on it, to give the command another one.");
    this.#draw();
    this.#search.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape" || event.key === "F1") {
      event.preventDefault();
      this.toggle();
    }
    // The sheet is for reading and choosing; nothing behind it moves meanwhile.
    if (event.key !== "Tab") event.stopPropagation();
  }

  /** @param {string} message @param {"info" | "error"} [tone] */
  #say(message, tone = "info") {
    this.#said.textContent = message;
    this.#said.dataset.tone = tone;
  }

  /** @param {string} layout */
  #resetTo(layout) {
    const { title, keys } = LAYOUTS[layout];
    this.keys.resetAll(keys);
    this.#say(
      layout === "loupe" ? "All keys are as they come." : `The keys are as in ${title}, as far as they differ.`,
    );
  }

  async #save() {
    const changed = Object.keys(this.keys.own).length > 0;
    const { status, body } = await (changed
      ? ask("PUT", "keys/", { body: { keys: this.keys.own } })
      : ask("DELETE", "keys/"));
    if (status < 200 || status > 299) {
      const why = body?.error?.message ?? "The server can't be reached.";
      this.#say(`Your keys work on this page but are not kept: ${why}`, "error");
    }
  }

  // ---- choosing a key

  /** @param {string} id @param {number} slot one behind the last adds a key */
  #startCapturing(id, slot) {
    this.#capturing = { id, slot };
    this.#say(`Press the key for "${this.keys.get(id)?.title}"; Esc leaves it as it is.`);
    this.#draw();
  }

  #stopCapturing() {
    if (!this.#capturing) return;
    const { id, slot } = this.#capturing;
    this.#capturing = null;
    this.#draw();
    this.#focus(id, slot);
  }

  /** @param {string} id @param {number} slot */
  #focus(id, slot) {
    const row = this.#list.querySelector(`[data-command="${CSS.escape(id)}"]`);
    const buttons = row?.querySelectorAll("button.key");
    const button = buttons?.[Math.min(slot, buttons.length - 1)];
    if (button instanceof HTMLElement) button.focus();
  }

  /** @param {KeyboardEvent} event */
  #capture(event) {
    if (!this.#capturing || isUnfinished(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { id, slot } = this.#capturing;
    const pressed = chord(event);
    if (pressed === "Escape") {
      this.#say("Nothing was changed.");
      this.#stopCapturing();
      return;
    }
    const wanted = [...(this.keys.get(id)?.keys ?? [])];
    wanted[slot] = pressed;
    const refused = this.keys.rebind(id, wanted);
    if (refused) {
      this.#say(refused, "error");
      return;
    }
    this.#say(`"${this.keys.get(id)?.title}" is ${legible(pressed)} now, for you, on every machine.`);
    this.#stopCapturing();
  }

  /** @param {string} id @param {number} slot */
  #remove(id, slot) {
    this.#capturing = null;
    const { keys, title } = /** @type {Command} */ (this.keys.get(id));
    const gone = keys[slot];
    this.keys.rebind(
      id,
      keys.filter((_, i) => i !== slot),
    );
    this.#say(gone ? `${legible(gone)} no longer is "${title}".` : "Nothing was changed.");
    this.#draw();
    this.#focus(id, 0);
  }

  // ---- the list

  #draw() {
    if (this.#sheet.hidden) return;
    const groups = this.keys.groups(this.#search.value);
    const sections = groups.map(([group, commands]) =>
      el("section", {}, el("h3", {}, group), el("ul", {}, ...commands.map((command) => this.#row(command)))),
    );
    const none = el("p", { class: "empty" }, "No command is called that, and no key is.");
    this.#list.replaceChildren(sections.length ? el("div", {}, ...sections) : none);
  }

  /** @param {Command} command */
  #row({ id, title, keys }) {
    const changed = this.keys.isChanged(id);
    const slots = this.#capturing?.id === id ? Math.max(keys.length, this.#capturing.slot + 1) : keys.length;
    const buttons = Array.from({ length: slots }, (_, slot) => this.#key(id, title, keys[slot], slot));
    const add = el(
      "button",
      {
        type: "button",
        class: "key add",
        title: "Another key",
        "aria-label": `${title}: another key`,
        onclick: () => this.#startCapturing(id, keys.length),
      },
      icon("plus"),
    );
    const reset = el(
      "button",
      {
        type: "button",
        class: "key add",
        title: "As it comes",
        "aria-label": `${title}: the key that it comes with`,
        onclick: () => {
          this.#say(this.keys.reset(id) || `"${title}" is as it comes.`);
          this.#focus(id, 0);
        },
      },
      icon("rotate-ccw"),
    );
    return el(
      "li",
      { "data-command": id, class: changed ? "changed" : false },
      el("span", { class: "title" }, title),
      el("span", { class: "keys" }, ...buttons, add, changed && reset),
    );
  }

  /**
   * @param {string} id
   * @param {string} title
   * @param {string | undefined} key none yet
   * @param {number} slot
   */
  #key(id, title, key, slot) {
    if (this.#capturing?.id === id && this.#capturing.slot === slot) {
      const remove = el(
        "button",
        {
          type: "button",
          class: "key remove",
          "aria-label": `${title}: no key here`,
          onclick: () => this.#remove(id, slot),
        },
        icon("x"),
      );
      return el("span", { class: "capturing" }, "press a key", remove);
    }
    return el(
      "button",
      {
        type: "button",
        class: "key",
        "aria-label": `${title}: ${key ? legible(key) : "no key"}; change it`,
        onclick: () => this.#startCapturing(id, slot),
      },
      el("kbd", {}, key ? legible(key) : "–"),
    );
  }
}

/** @param {KeyTable} keys */
export function bindHelp(keys) {
  return new HelpSheet(keys);
}
