// What every page does: menus, the key sheet, keys that press things, times in the reader's zone.
import { follow, keepReadersPlace } from "../live.js";
import { openPalette } from "../palette.js";

/** @returns {boolean} whether the person is writing, so that letters are letters */
function isWriting() {
  const at = document.activeElement;
  return (
    at instanceof HTMLElement &&
    at.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]")
  );
}

// ---- menus close when one looks elsewhere ----

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.removeAttribute("open");
  }
});

document.getElementById("open-palette")?.addEventListener("click", openPalette);

// ---- plots say that they are being drawn until they are there; the page told anew brings new ones ----

/** @param {unknown} plot */
function arrived(plot) {
  if (plot instanceof HTMLImageElement) plot.closest(".plot-place")?.removeAttribute("aria-busy");
}

for (const end of ["load", "error"]) document.addEventListener(end, (event) => arrived(event.target), true);
for (const plot of document.querySelectorAll(".plot-place img"))
  if (plot instanceof HTMLImageElement && plot.complete) arrived(plot);

// ---- keys: `data-key` presses its element, `data-go` does after g ----

const sheet = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys"));

function openSheet() {
  if (!sheet) return;
  const list = sheet.querySelector("dl") ?? sheet.appendChild(document.createElement("dl"));
  /** @type {[string, string][]} */
  const keys = [
    ["Ctrl K", "Find anything"],
    ["?", "This sheet"],
    ["/", "To the search field"],
    ["j k", "Next or previous row; Enter opens it"],
  ];
  for (const each of document.querySelectorAll("[data-key], [data-go]")) {
    if (!(each instanceof HTMLElement) || each.closest("dialog")) continue;
    const name = each.dataset.keyName ?? each.title ?? each.textContent ?? "";
    keys.push([each.dataset.key ?? `g ${each.dataset.go}`, name.trim()]);
  }
  list.replaceChildren(
    ...keys.flatMap(([key, name]) => {
      const term = document.createElement("dt");
      term.append(
        ...key.split(" ").flatMap((part) => [Object.assign(document.createElement("kbd"), { textContent: part }), " "]),
      );
      return [term, Object.assign(document.createElement("dd"), { textContent: name })];
    }),
  );
  sheet.showModal();
}

for (const button of document.querySelectorAll('[data-open="keys"]')) button.addEventListener("click", openSheet);

/** @param {number} step */
function toRow(step) {
  const rows = [...document.querySelectorAll("a.lead")];
  const at = rows.indexOf(/** @type {Element} */ (document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  if (next instanceof HTMLElement) next.focus();
}

let going = false;

/**
 * @param {string} attribute
 * @param {string} key
 * @returns {boolean} whether something was pressed
 */
function press(attribute, key) {
  const target = document.querySelector(`[${attribute}="${CSS.escape(key)}"]`);
  if (!(target instanceof HTMLElement)) return false;
  target.click();
  return true;
}

function toSearch() {
  const search = document.querySelector("main input[type=search]");
  if (search instanceof HTMLElement) search.focus();
}

/** Keys that every page has. @type {Record<string, () => void>} */
const common = {
  g: () => {
    going = true;
  },
  "?": openSheet,
  "/": toSearch,
  j: () => toRow(1),
  k: () => toRow(-1),
};

/**
 * @param {string} key
 * @returns {boolean} whether the key meant something
 */
function take(key) {
  if (going) {
    going = false;
    return press("data-go", key);
  }
  if (!Object.hasOwn(common, key)) return press("data-key", key);
  common[key]();
  return true;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    openPalette();
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting() || document.querySelector("dialog[open]")) return;
  if (take(event.key)) event.preventDefault();
});

// ---- times are stored in UTC and read in the reader's zone ----

/** Day and time to the minute, on a 24-hour clock; the year only where it is another one. @type {Intl.DateTimeFormatOptions} */
const minute = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat(undefined, minute);
const calendar = new Intl.DateTimeFormat(undefined, { ...minute, year: "numeric" });

/** @param {ParentNode} within */
function localTimes(within) {
  for (const each of within.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(each.getAttribute("datetime") ?? "");
    if (Number.isNaN(at.getTime())) continue;
    each.setAttribute("title", at.toISOString());
    each.textContent = (at.getFullYear() === new Date().getFullYear() ? clock : calendar).format(at);
  }
}

// ---- what is wider than its place can be scrolled with the keyboard too ----

/** @param {ParentNode} within */
function reachable(within) {
  for (const each of within.querySelectorAll(".table-wrap, .scrolls")) {
    const scrolls = each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight;
    each.toggleAttribute("tabindex", scrolls);
    if (scrolls) each.setAttribute("tabindex", "0");
  }
}

function settle() {
  localTimes(document);
  reachable(document);
}

settle();
document.body.addEventListener("htmx:afterSettle", settle);
window.addEventListener("resize", () => reachable(document));

// ---- small manners ----

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (!(button instanceof HTMLElement)) return;
  navigator.clipboard.writeText(button.dataset.copy ?? "").then(() => {
    button.setAttribute("aria-label", "Copied");
    button.title = "Copied";
  });
});

// What was asked for is seen at once, and asked for once.
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.method !== "post" || form.hasAttribute("data-again")) return;
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("disabled", "");
  });
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form button[disabled]:not([data-stays-disabled])"))
    button.removeAttribute("disabled");
});

keepReadersPlace();
follow(document.body.dataset.live);
