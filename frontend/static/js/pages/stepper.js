// Steps through exact frames with a picture over them. The next frames are fetched before they are asked for.

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
/** Where only some frames are worth a look, stepping goes from one to the next of them. */
const only = (stepper.dataset.only ?? "").split(",").filter(Boolean).map(Number);

/** Pictures on their way or there; the browser's own cache keeps their bytes. @type {Map<string, HTMLImageElement>} */
const fetched = new Map();

/** @param {number} number */
function addresses(number) {
  const found = [`${stepper.dataset.frames}${number}.jpg`];
  if (over && (only.length ? only.includes(number) : number >= from && number < to))
    found.push(`${stepper.dataset.over}${number}.png`);
  return found;
}

/** @param {string} address */
function get(address) {
  const known = fetched.get(address);
  if (known) return known;
  const picture = new Image();
  picture.src = address;
  fetched.set(address, picture);
  return picture;
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

/** @param {number} number */
async function show(number) {
  const before = wanted;
  wanted = Math.min(last, Math.max(first, number));
  at.value = String(wanted);
  said.textContent = `frame ${wanted}${wanted >= from && wanted < to ? "" : " (outside)"}`;
  const mine = wanted;
  // Frame and evidence change together, or the one would be seen on the other's frame.
  await Promise.allSettled(addresses(mine).map((address) => get(address).decode()));
  if (mine !== wanted) return;
  const [picture, evidence] = addresses(mine);
  frame.src = picture;
  frame.alt = `Frame ${mine}`;
  if (over) {
    over.hidden = !evidence || !shows?.checked;
    if (evidence) over.src = evidence;
  }
  const way = mine >= before ? 1 : -1;
  for (let step = 1; step <= AHEAD; step += 1) {
    const next = mine + way * step;
    if (next >= first && next <= last) addresses(next).forEach(get);
  }
  document.querySelectorAll("[data-frame]").forEach((each) => {
    if (each instanceof HTMLElement) each.toggleAttribute("aria-current", Number(each.dataset.frame) === mine);
  });
  for (const dot of document.querySelectorAll("[data-path-frame]"))
    dot.toggleAttribute("data-now", Number(dot.getAttribute("data-path-frame")) === mine);
}

over?.addEventListener("error", () => {
  over.hidden = true;
});
for (const button of stepper.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => show(fromHere(Number(/** @type {HTMLElement} */ (button).dataset.step))));
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
  if (event.target instanceof HTMLElement && event.target.matches("input, textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  show(fromHere(step * (event.shiftKey ? 10 : 1)));
  event.preventDefault();
});
show(wanted);
