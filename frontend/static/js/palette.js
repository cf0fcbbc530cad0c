// Ctrl+K on every screen: any project, clip, task or command from a few letters. The server says what fits.

const PAUSE = 80; // ms without a letter before it is asked

const palette = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));
const input = palette?.querySelector("input");
const results = document.getElementById("palette-results");
let asked = 0;

async function find() {
  if (!palette || !input || !results) return;
  asked += 1;
  const mine = asked;
  const address = new URL(palette.dataset.address ?? "", location.href);
  address.searchParams.set("q", input.value);
  const answer = await fetch(address).catch(() => null);
  // What was typed since has asked for itself.
  if (mine !== asked) return;
  if (answer?.ok && !answer.redirected) results.innerHTML = await answer.text();
  else results.textContent = "The server can't be reached, or you are logged out. Try again.";
}

export function openPalette() {
  if (!palette || !input || palette.open) return;
  palette.showModal();
  input.select();
  find();
}

/** @param {number} step */
function choose(step) {
  const found = [...(palette?.querySelectorAll(".found") ?? [])];
  if (!found.length) return;
  const at = found.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const next = (at + step + found.length) % found.length;
  for (const [index, each] of found.entries()) each.setAttribute("aria-selected", String(index === next));
  found[next].scrollIntoView({ block: "nearest" });
  input?.setAttribute("aria-activedescendant", found[next].id);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
input?.addEventListener("input", () => {
  clearTimeout(soon);
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
    const chosen = palette.querySelector('.found[aria-selected="true"]');
    if (chosen instanceof HTMLElement) chosen.click();
    event.preventDefault();
  }
});
