/** What frames the work: top bar, notices, and panels that resize and remember. */

import { byId } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */

const STAYS = 5000; // ms that a notice is shown

/** @param {Bench} bench */
export function bindNotices(bench) {
  const notice = byId("notice");
  let timer = 0;
  bench.on("notice", ({ message, tone }) => {
    notice.textContent = message;
    notice.dataset.tone = tone;
    notice.hidden = message === "";
    clearTimeout(timer);
    timer = setTimeout(() => (notice.hidden = true), tone === "error" ? 2 * STAYS : STAYS);
  });
  bench.on("readonly", (reason) => {
    byId("readonly-text").textContent = reason;
    byId("readonly").hidden = false;
    /** @type {HTMLButtonElement} */ (byId("submit")).disabled = true;
    document.body.classList.add("read-only");
  });
  let busy = 0;
  bench.on("busy", (by) => {
    busy += by;
    byId("busy").hidden = busy === 0;
  });
}

/**
 * @param {Bench} bench
 * @param {import("../models/keys.js").KeyTable} keys
 */
export function bindTopBar(bench, keys) {
  const press = (/** @type {string} */ id, /** @type {string} */ command) =>
    byId(id).addEventListener("click", (event) => keys.get(command)?.run(/** @type {any} */ (event)));
  press("undo", "undo");
  press("redo", "redo");
  press("submit", "submit");
  const show = () => {
    for (const [id, title] of /** @type {[string, string | null][]} */ ([
      ["undo", bench.history.undoable],
      ["redo", bench.history.redoable],
    ])) {
      const button = /** @type {HTMLButtonElement} */ (byId(id));
      button.disabled = title === null;
      button.title =
        title === null ? keys.tooltip(id) : `${keys.tooltip(id)}: ${title[0].toLowerCase()}${title.slice(1)}`;
      button.setAttribute("aria-label", button.title);
    }
  };
  bench.on("history", show);
  keys.on("change", show);
  if (bench.task.state === "submitted") {
    const submit = /** @type {HTMLButtonElement} */ (byId("submit"));
    submit.disabled = true;
    submit.title = "In review; corrections made here are saved as yours";
  }
  const showBrush = () => (byId("brush-size").textContent = `${bench.sizeShown()} px`);
  bench.on("brush", showBrush);
  showBrush();
  show();
}

/** Panels whose edge can be dragged, or moved with the arrows; the size is remembered. */
export function bindSizes() {
  edge("resize-side", "--side", (event) => window.innerWidth - event.clientX, [220, 520], "ArrowLeft", "ArrowRight");
  edge("resize-dock", "--dock", (event) => window.innerHeight - event.clientY, [120, 560], "ArrowUp", "ArrowDown");
}

/**
 * @param {string} id
 * @param {string} property
 * @param {(event: PointerEvent) => number} size
 * @param {[number, number]} limits px
 * @param {string} more key
 * @param {string} less key
 */
function edge(id, property, size, [least, most], more, less) {
  const handle = byId(id);
  const root = document.documentElement;
  const set = (/** @type {number} */ px) => {
    const kept = Math.round(Math.min(most, Math.max(least, px)));
    root.style.setProperty(property, `${kept}px`);
    handle.setAttribute("aria-valuenow", String(kept));
    localStorage.setItem(`workbench${property}`, String(kept));
  };
  handle.setAttribute("aria-valuemin", String(least));
  handle.setAttribute("aria-valuemax", String(most));
  handle.setAttribute("aria-valuenow", String(Number.parseInt(getComputedStyle(root).getPropertyValue(property), 10)));
  const remembered = Number(localStorage.getItem(`workbench${property}`));
  if (remembered) set(remembered);
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) set(size(event));
  });
  handle.addEventListener("keydown", (event) => {
    const by = event.key === more ? 16 : event.key === less ? -16 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    set(Number.parseInt(getComputedStyle(root).getPropertyValue(property), 10) + by);
  });
}
