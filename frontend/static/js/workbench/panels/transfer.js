/** Segments from a file, seen before they come in: what is new, what is refused, and which words nobody knows. */

import { send } from "../../api.js";
import { framesShort } from "../../models/spoken.js";
import { byId, el } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/**
 * @typedef {object} Trial what an import would do
 * @property {string[]} made
 * @property {number} known
 * @property {string[]} left_out
 * @property {string[]} notes
 * @property {{start: number, end: number, level: string, name: string, action: string, phase: string,
 *   instructions: string[]}[]} seen
 * @property {{word: string, nearest: string}[]} unknown
 */

const SHOWN = 100; // rows of a preview; a file may have thousands

/** @param {Bench} bench */
export function bindTransfer(bench) {
  const input = /** @type {HTMLInputElement} */ (byId("segments-file"));
  const button = /** @type {HTMLButtonElement} */ (byId("segments-import"));
  const place = byId("transfer");
  const count = () => {
    const { segments } = bench.work;
    byId("segments-count").textContent = String(segments.length);
    byId("segments-begin").hidden = segments.length > 0;
    byId("segments-select").hidden = !segments.length || Boolean(bench.segment);
    button.disabled = Boolean(bench.readOnly);
  };
  const close = () => {
    place.hidden = true;
    place.replaceChildren();
    input.value = "";
    button.focus();
  };
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) new Preview(bench, place, file, close).look();
  });
  // What is taken away is what the server has.
  for (const id of ["export-csv", "export-json"]) {
    byId(id).addEventListener("click", (event) => {
      if (!bench.outbox.unsaved) return;
      event.preventDefault();
      bench.say(`${bench.outbox.unsaved} changes are still being saved; take the file in a moment.`, "warning");
    });
  }
  bench.on("work readonly selection", count);
  count();
}

class Preview {
  /** @type {Record<string, string>} the taxonomy's key for a word of the file */
  #words = {};

  /**
   * @param {Bench} bench
   * @param {HTMLElement} place
   * @param {File} file
   * @param {() => void} close
   */
  constructor(bench, place, file, close) {
    this.bench = bench;
    this.place = place;
    this.file = file;
    this.close = close;
  }

  async look() {
    await this.bench.outbox.drained();
    const { status, body } = await this.#send(true);
    this.place.hidden = false;
    if (status === 200) this.#show(body);
    else this.#refused(body?.error?.message ?? "The server can't be reached; nothing was read.");
  }

  async #take() {
    const { status, body } = await this.#send(false);
    if (status !== 200) return this.#refused(body?.error?.message ?? "The server can't be reached; nothing came in.");
    this.close();
    const made = body.made.length;
    this.bench.say(`${counted(made)} came in from ${this.file.name}.`);
    this.bench.emit("refetch");
    this.bench.emit("remarks");
  }

  /** @param {boolean} trial */
  #send(trial) {
    const form = new FormData();
    form.append("file", this.file);
    form.append("trial", String(trial));
    form.append("words", JSON.stringify(this.#words));
    return send(`tasks/${this.bench.task.id}/segments/import/`, form);
  }

  /** @param {string} why */
  #refused(why) {
    this.place.replaceChildren(
      el("p", { class: "warning", role: "alert" }, `${this.file.name} does not come in. ${why}`),
      el("div", { class: "transfer-row" }, this.#button("Close", this.close)),
    );
  }

  /** @param {Trial} trial */
  #show({ seen, known, left_out, notes, unknown }) {
    const told = [counted(seen.length, "new ")];
    if (known) told.push(`${known} there already`);
    if (left_out.length) told.push(`${left_out.length} left out`);
    const take = this.#button(`Take in ${counted(seen.length)}`, () => this.#take(), "button primary");
    take.disabled = !seen.length || unknown.some(({ word }) => !(word in this.#words));
    this.place.replaceChildren(
      el("p", {}, el("strong", {}, this.file.name), `: ${told.join(", ")}.`),
      ...(unknown.length ? [this.#unknown(unknown)] : []),
      ...(seen.length ? [table(seen)] : []),
      ...(left_out.length ? [el("p", { class: "quiet" }, "Left out:"), list(left_out)] : []),
      ...(notes.length ? [list(notes)] : []),
      el("div", { class: "transfer-row" }, take, this.#button("Cancel", this.close)),
    );
    const first = take.disabled ? this.place.querySelector("select") : take;
    first?.focus();
  }

  /**
   * Words that the taxonomy lacks: each is given a class or phase of it, or none.
   *
   * @param {{word: string, nearest: string}[]} unknown
   */
  #unknown(unknown) {
    const { actions, phases } = this.bench.task.taxonomy;
    const keys = (/** @type {any[]} */ terms) => terms.filter(({ retired }) => !retired).map(({ key }) => key);
    const options = [...new Set([...keys(actions), ...keys(phases)])];
    const rows = unknown.map(({ word, nearest }) => {
      const select = el(
        "select",
        {
          "aria-label": `What ${word} is here`,
          onchange: () => {
            if (select.value === "?") delete this.#words[word];
            else this.#words[word] = select.value;
            this.look();
          },
        },
        el("option", { value: "?" }, nearest ? `choose (${nearest}?)` : "choose"),
        el("option", { value: "" }, "no class"),
        ...options.map((key) => el("option", { value: key }, key)),
      );
      return el("label", {}, `“${word}” is`, select);
    });
    return el(
      "div",
      { class: "form" },
      el("p", { class: "warning" }, "These words are not in the taxonomy; say what each is."),
      ...rows,
    );
  }

  /**
   * @param {string} text
   * @param {() => void} run
   * @param {string} [look]
   */
  #button(text, run, look = "button") {
    return el("button", { type: "button", class: look, onclick: run }, text);
  }
}

/** @param {Trial["seen"]} seen */
function table(seen) {
  const rows = seen
    .slice(0, SHOWN)
    .map(({ start, end, action, phase, name, level, instructions }) =>
      el(
        "tr",
        { title: instructions.join("\n") || null },
        el("td", { class: "number" }, framesShort(start, end)),
        el("td", {}, [phase, action].filter(Boolean).join(" · ") || name || "no class"),
        el("td", {}, level),
        el("td", { class: "number" }, String(instructions.length)),
      ),
    );
  const head = ["Frames", "Class", "Level", "Instr."].map((text) => el("th", { scope: "col" }, text));
  const more = seen.length > SHOWN ? el("p", { class: "quiet" }, `and ${seen.length - SHOWN} more`) : null;
  const body = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  return el(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "What would come in" },
    body,
    more,
  );
}

/** @param {string[]} sentences */
const list = (sentences) => el("ul", {}, ...sentences.map((sentence) => el("li", {}, sentence)));

/**
 * @param {number} n
 * @param {string} [what]
 */
const counted = (n, what = "") => `${n} ${what}${n === 1 ? "segment" : "segments"}`;
