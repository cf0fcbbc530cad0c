/** The keys where a person sees and hears them: tooltips, names and hints of everything that has a key. */

import { legible, spoken } from "../models/keys.js";

/** @typedef {import("../models/keys.js").KeyTable} KeyTable */

/**
 * Everything with `data-command` says its key, and says the new one when a person changes it. A `kbd` inside shows it.
 *
 * @param {KeyTable} keys
 * @param {ParentNode} [root]
 */
export function nameKeys(keys, root = document) {
  for (const element of root.querySelectorAll("[data-command]")) {
    const command = keys.get(element.getAttribute("data-command") ?? "");
    if (!command || element instanceof HTMLLIElement) continue;
    element.setAttribute("title", keys.tooltip(command.id));
    if (command.keys.length) element.setAttribute("aria-keyshortcuts", command.keys.map(spoken).join(" "));
    else element.removeAttribute("aria-keyshortcuts");
    const shown = element.querySelector("kbd");
    if (shown) shown.textContent = command.keys.length ? legible(command.keys[0]) : "";
  }
  for (const shown of root.querySelectorAll("[data-key-of]")) {
    shown.textContent = keyOf(shown.getAttribute("data-key-of") ?? "");
  }
}

/** @type {KeyTable | null} */
let table = null;

/** The key that a person presses for a command, as it stands on the keyboard; empty when it has none. @param {string} id */
export function keyOf(id) {
  const keys = table?.get(id)?.keys ?? [];
  return keys.length ? legible(keys[0]) : "";
}

/** @param {KeyTable} keys */
export function bindShortcuts(keys) {
  table = keys;
  nameKeys(keys);
  keys.on("change", () => nameKeys(keys));
}
