// Steps through exact frames with a picture over them. Who steps has the next frames fetched before they are asked for.

import { Recent } from "../models/recent.js";

const stepper = /** @type {HTMLElement} */ (document.getElementById("stepper"));
const frame = /** @type {HTMLImageElement} */ (document.getElementById("frame"));
const over = /** @type {HTMLImageElement | null} */ (document.getElementById("over"));
const at = /** @type {HTMLInputElement} */ (document.getElementById("at"));
const said = /** @type {HTMLOutputElement} */ (document.getElementById("at-said"));
const shows = /** @type {HTMLInputElement | null} */ (document.getElementById("show-over"));
const first = Number(stepper.dataset.first);
const last = Number(stepper.dataset.last);
const from = Number(stepper.dataset.from);
const to = Number(stepper.dataset.to);
const AHEAD = 6;
/** Milliseconds within which one ask follows another when somebody drags or holds a key: only where they rest is fetched. */
const REST = 60;
/** Pictures of full size that are held; the browser's own cache keeps the bytes of more. */
const KEPT = 64;
/** Where only some frames are worth a look, stepping goes from one to the next of them. */
const only = (stepper.dataset.only ?? "").split(",").filter(Boolean).map(Number);

/** Pictures on their way or there. @type {Recent<string, HTMLImageElement>} */
const fetched = new Recent(KEPT);
/** Those on their way. @type {Map<string, HTMLImageElement>} */
const coming = new Map();

/** @param {number} number */
function addresses(number) {
  const found = [`${stepper.dataset.frames}${number}.jpg`];
  if (over && (only.length ? only.includes(number) : number >= from && number < to))
    found.push(`${stepper.dataset.over}${number}.png`);
  return found;
}

/** @param {string} address */
function get(address) {
  return fetched.get(address, () => {
    const picture = new Image();
    for (const end of ["load", "error"]) picture.addEventListener(end, () => coming.delete(address));
    coming.set(address, picture);
    picture.src = address;
    return picture;
  });
}

/**
 * Gives up what is on its way to frames that nobody is at any more.
 *
 * @param {Set<string>} needed
 */
function giveUp(needed) {
  for (const [address, picture] of coming) {
    if (needed.has(address)) continue;
    picture.removeAttribute("src");
    coming.delete(address);
    fetched.forget(address);
  }
}

/**
 * @param {number} number
 * @param {number} way
 * @returns {string[]} what the frames after it are fetched from
 */
function ahead(number, way) {
  const found = [];
  for (let step = 1; step <= AHEAD; step += 1) {
    const next = number + way * step;
    if (next >= first && next <= last) found.push(...addresses(next));
  }
  return found;
}

let wanted = Number(at.value);

/**
 * @param {number} steps
 * @returns {number} the frame so many steps from here
 */
function fromHere(steps) {
  if (!only.length) return wanted + steps;
  const way = steps > 0 ? only.filter((frame) => frame > wanted) : only.filter((frame) => frame < wanted).reverse();
  return way[Math.min(Math.abs(steps), way.length) - 1] ?? wanted;
}

let asked = 0;
let lastAsked = -REST;

/** Whether the ask before this one was a moment ago. */
function inARow() {
  const now = performance.now();
  const soon = now - lastAsked < REST;
  lastAsked = now;
  return soon;
}

/**
 * @param {number} number
 * @param {boolean} steps whether one step is likely to follow another
 */
async function show(number, steps = false) {
  const before = wanted;
  wanted = Math.min(last, Math.max(first, number));
  at.value = String(wanted);
  said.textContent = `frame ${wanted}${wanted >= from && wanted < to ? "" : " (outside)"}`;
  asked += 1;
  const mine = asked;
  const here = addresses(wanted);
  if (inARow() && !here.every((address) => fetched.has(address))) await new Promise((rest) => setTimeout(rest, REST));
  if (mine !== asked) return;
  const next = steps ? ahead(wanted, wanted >= before ? 1 : -1) : [];
  giveUp(new Set([...here, ...next]));
  // Frame and evidence change together, or the one would be seen on the other's frame.
  await Promise.allSettled(here.map((address) => get(address).decode()));
  if (mine !== asked) return;
  const [picture, evidence] = here;
  frame.src = picture;
  frame.alt = `Frame ${wanted}`;
  if (over) {
    over.hidden = !evidence || !shows?.checked;
    if (evidence) over.src = evidence;
  }
  next.forEach(get);
  document.querySelectorAll("[data-frame]").forEach((each) => {
    if (each instanceof HTMLElement) each.toggleAttribute("aria-current", Number(each.dataset.frame) === wanted);
  });
  for (const dot of document.querySelectorAll("[data-path-frame]"))
    dot.toggleAttribute("data-now", Number(dot.getAttribute("data-path-frame")) === wanted);
}

/**
 * Whether arrows scroll the box that something is in.
 *
 * @param {Element} target
 */
function scrolls(target) {
  const box = target.closest(".table-wrap, .scrolls");
  return box !== null && box.scrollWidth > box.clientWidth;
}

over?.addEventListener("error", () => {
  over.hidden = true;
});
for (const button of stepper.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () =>
    show(fromHere(Number(/** @type {HTMLElement} */ (button).dataset.step)), true),
  );
}
// Lists of frames may be told anew while the page is open.
document.addEventListener("click", (event) => {
  const chosen = event.target instanceof Element ? event.target.closest("[data-frame]") : null;
  if (!(chosen instanceof HTMLElement)) return;
  event.preventDefault();
  show(Number(chosen.dataset.frame));
});
at.addEventListener("input", () => show(Number(at.value)));
shows?.addEventListener("change", () => show(wanted));
document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (target instanceof Element && (target.matches("input, textarea, select") || scrolls(target))) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  show(fromHere(step * (event.shiftKey ? 10 : 1)), true);
  event.preventDefault();
});
show(wanted);
