// Two versions of a layer beside each other: both show the same frame, and the curve says where to look.

import { get as ask } from "../api.js";

const page = document.getElementById("versions");
const at = /** @type {HTMLInputElement} */ (document.getElementById("at"));
const said = document.getElementById("at-said");
const shows = /** @type {HTMLInputElement | null} */ (document.getElementById("show-over"));
const last = Number(page?.dataset.last ?? 0);
const AHEAD = 3;

/** @typedef {{ frame: HTMLImageElement, over: HTMLImageElement, words: HTMLElement, address: string }} Side */

/** @type {Side[]} */
const sides = [...document.querySelectorAll("[data-version]")].map((panel) => ({
  frame: /** @type {HTMLImageElement} */ (panel.querySelector("img.frame")),
  over: /** @type {HTMLImageElement} */ (panel.querySelector("img.over")),
  words: /** @type {HTMLElement} */ (panel.querySelector(".said")),
  address: /** @type {HTMLElement} */ (panel).dataset.version ?? "",
}));

/** Pictures on their way or there; the browser's own cache keeps their bytes. @type {Map<string, HTMLImageElement>} */
const fetched = new Map();

/** @param {string} address */
function get(address) {
  const known = fetched.get(address);
  if (known) return known;
  const picture = new Image();
  picture.src = address;
  fetched.set(address, picture);
  return picture;
}

/** @param {number} number */
const addresses = (number) => [
  `${page?.dataset.frames}${number}.jpg`,
  ...sides.map((side) => `/api/${side.address}${number}.png`),
];

/** @param {Side} side @param {number} number */
async function tell(side, number) {
  /** @type {string[]} */
  let words;
  try {
    words = (await ask(`${side.address}${number}/`)).words;
  } catch (error) {
    words = [error instanceof Error ? error.message : "This version cannot be read."];
  }
  if (number !== wanted) return;
  side.words.replaceChildren(
    ...words.map((textContent) => Object.assign(document.createElement("li"), { textContent })),
  );
}

function movePlayhead() {
  const plot = document.getElementById("plot");
  const line = document.getElementById("playhead");
  if (!plot || !line) return;
  const x = Number(plot.dataset.left) + (Number(plot.dataset.inner) * wanted) / Math.max(1, last);
  line.setAttribute("x1", String(x));
  line.setAttribute("x2", String(x));
  for (const each of document.querySelectorAll("[data-worst]")) {
    if (each instanceof HTMLElement) each.toggleAttribute("aria-current", Number(each.dataset.worst) === wanted);
  }
}

let wanted = Number(at?.value ?? 0);

/** @param {number} number */
async function show(number) {
  const before = wanted;
  wanted = Math.min(last, Math.max(0, Math.round(number)));
  const mine = wanted;
  at.value = String(mine);
  if (said) said.textContent = `frame ${mine}`;
  movePlayhead();
  // Both sides change together, or one would be compared with the other's frame.
  await Promise.allSettled(addresses(mine).map((address) => get(address).decode()));
  if (mine !== wanted) return;
  const [picture, ...over] = addresses(mine);
  sides.forEach((side, index) => {
    side.frame.src = picture;
    side.frame.alt = `Frame ${mine}`;
    side.over.hidden = !shows?.checked;
    side.over.src = over[index];
    tell(side, mine);
  });
  const way = mine >= before ? 1 : -1;
  for (let step = 1; step <= AHEAD; step += 1) {
    const next = mine + way * step;
    if (next >= 0 && next <= last) addresses(next).forEach(get);
  }
}

/** @param {number} step */
function toWorst(step) {
  const worst = [...document.querySelectorAll("[data-worst]")].map((each) =>
    Number(/** @type {HTMLElement} */ (each).dataset.worst),
  );
  const here = worst.indexOf(wanted);
  const next = here < 0 ? worst[0] : worst[here + step];
  if (next !== undefined) show(next);
}

// The curve comes when a worker has drawn it, so clicks are taken where they arrive.
page?.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const button = event.target.closest("[data-worst], [data-frame], [data-step], [data-worse]");
  if (button instanceof HTMLElement) {
    const { worst, frame, step, worse } = button.dataset;
    if (step) show(wanted + Number(step));
    else if (worse) toWorst(Number(worse));
    else show(Number(worst ?? frame));
    return;
  }
  const plot = event.target.closest("#plot");
  if (!(plot instanceof SVGElement) || !(event instanceof MouseEvent)) return;
  const box = plot.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * 1000 - Number(plot.dataset.left);
  show((x / Number(plot.dataset.inner)) * last);
});
at?.addEventListener("input", () => show(Number(at.value)));
shows?.addEventListener("change", () => show(wanted));
document.addEventListener("htmx:afterSwap", movePlayhead);
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLElement && event.target.matches("input, textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !page) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  show(wanted + step * (event.shiftKey ? 10 : 1));
  event.preventDefault();
});
if (page) show(wanted);
