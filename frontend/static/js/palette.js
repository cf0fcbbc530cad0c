// Ctrl+K on every screen: any project, clip, task or command from a few letters. The server says what fits.

const PAUSE = 80; // ms without a letter before it is asked

const palette = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));
const input = palette?.querySelector("input");
const results = document.getElementById("palette-results");
let asked = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
/** The words that the hits answer; null while none do. @type {string | null} */
let answered = null;

/** The search on its way. @type {Promise<void> | null} */
let coming = null;

function find() {
  clearTimeout(soon);
  coming = search();
  return coming;
}

async function search() {
  if (!palette || !input || !results) return;
  asked += 1;
  const mine = asked;
  const words = input.value;
  const address = new URL(palette.dataset.address ?? "", location.href);
  address.searchParams.set("q", words);
  const answer = await fetch(address).catch(() => null);
  // What was typed since has asked for itself.
  if (mine !== asked) return;
  if (!answer?.ok || answer.redirected) {
    results.textContent = "The server can't be reached, or you are logged out. Try again.";
    settle(null);
    return;
  }
  const found = await answer.text();
  if (mine !== asked) return;
  results.innerHTML = found;
  settle(words);
}

/** @param {string | null} words that the hits are for now; null where there was no answer */
function settle(words) {
  answered = words;
  coming = null;
  if (results) results.inert = false;
}

/** What is shown answers other words: it stays, so that nothing flickers, but nobody can choose of it. */
function unsettle() {
  answered = null;
  // An answer under way is not for these words, either.
  asked += 1;
  coming = null;
  input?.removeAttribute("aria-activedescendant");
  for (const each of results?.querySelectorAll('[aria-selected="true"]') ?? [])
    each.setAttribute("aria-selected", "false");
  if (results) results.inert = true;
}

/** Goes to the chosen hit for what is typed now, also where its answer is still to come. */
async function follow() {
  const words = input?.value;
  if (answered === null) await (coming ?? find());
  if (answered === null || answered !== words) return; // no answer, or typed on meanwhile
  const chosen = palette?.querySelector('.found[aria-selected="true"]');
  if (palette?.open && chosen instanceof HTMLElement) chosen.click();
}

export function openPalette() {
  if (!palette || !input || palette.open) return;
  palette.showModal();
  input.select();
  unsettle();
  find();
}

/** @param {number} step */
function choose(step) {
  const found = [...(palette?.querySelectorAll(".found") ?? [])];
  if (!found.length || answered === null) return;
  const at = found.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const next = (at + step + found.length) % found.length;
  for (const [index, each] of found.entries()) each.setAttribute("aria-selected", String(index === next));
  found[next].scrollIntoView({ block: "nearest" });
  input?.setAttribute("aria-activedescendant", found[next].id);
}

input?.addEventListener("input", () => {
  clearTimeout(soon);
  unsettle();
  soon = setTimeout(find, PAUSE);
});
palette?.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
});
palette?.addEventListener("keydown", (event) => {
  // Its keys are its own: the screen behind it has others.
  event.stopPropagation();
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") event.preventDefault();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    choose(event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
  } else if (event.key === "Escape") {
    // A search field would only empty itself.
    palette.close();
    event.preventDefault();
  } else if (event.key === "Enter") {
    follow();
    event.preventDefault();
  }
});
