/** The instructions of a segment: one box each, with a suggestion in grey that Enter takes. */

import { ask } from "../../api.js";
import { instructionsNeeded, plain } from "../../models/grammar.js";
import { nearest, offers, wordsOf } from "../../models/instructions.js";
import { byId, el } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/work.js").Segment} Segment */
/** @typedef {import("../remark_places.js").Remark} Remark */

export class Instructions {
  /** @type {{box: HTMLTextAreaElement, said: HTMLElement, by: HTMLElement}[]} */
  #rows = [];
  /** @type {import("../../models/instructions.js").Offer[]} what may be suggested now */
  #offers = [];
  #turn = 0;
  /** @type {Segment | null} */
  #segment = null;

  /**
   * @param {Bench} bench
   * @param {import("./segment.js").Change} change
   */
  constructor(bench, change) {
    this.bench = bench;
    this.change = change;
    this.count = el("span", { class: "quiet number" });
    this.list = el("div", { class: "instruction-list" });
    this.hint = el("p", { class: "quiet instruction-hint" });
    this.hint.append(el("kbd", {}, "Enter"), " takes the grey words, ", el("kbd", {}, "↓"), " shows others");
    this.element = el(
      "fieldset",
      { class: "instructions" },
      el("legend", {}, "Instructions, each in other words ", this.count),
      this.list,
      this.hint,
    );
  }

  /** @param {Segment} segment */
  show(segment) {
    this.#segment = segment;
    const needed = instructionsNeeded(segment, this.bench.task.grammar);
    while (this.#rows.length < Math.max(needed, segment.instructions.length)) this.#add();
    this.#rows.forEach(({ box }, i) => {
      if (box !== document.activeElement) box.value = segment.instructions[i] ?? "";
    });
    const different = new Set(segment.instructions.map(plain).filter(Boolean)).size;
    this.count.textContent = `${different} of ${needed}`;
    this.count.classList.toggle("enough", different >= needed);
    this.offer();
    this.remark();
  }

  /** Put the next suggestions into the empty boxes, in grey. */
  offer() {
    const segment = this.#segment;
    if (!segment) return;
    const texts = this.#rows.map(({ box }) => box.value);
    this.#offers = offers(about(this.bench, segment), texts, nearest(segment, this.bench.proposals.all));
    for (const { by } of this.#rows) {
      by.hidden = true;
      by.textContent = "";
    }
    const empty = this.#rows.filter(({ box }) => !box.value.trim());
    let before = "";
    empty.forEach(({ box, by }, i) => {
      const offer = this.#offers[(this.#turn + i) % this.#offers.length];
      box.placeholder = offer ? offer.text : "Choose a class, or write what is to be done";
      if (!offer || this.bench.readOnly) return;
      // Each box is told by whom to those who hear it; on the screen once stands above all by the same.
      by.textContent = `Suggested by ${offer.by || "the project's templates"}`;
      by.hidden = offer.by === before;
      before = offer.by;
    });
    this.hint.hidden = !empty.length || !this.#offers.length || Boolean(this.bench.readOnly);
  }

  /** What is remarked of these instructions, each under its own. */
  remark() {
    const about = this.bench.remarks.filter(({ segment }) => segment === this.#segment?.id);
    this.#rows.forEach(({ said, box }, i) => {
      const here = about.filter(({ instruction }) => instruction === i);
      said.replaceChildren(...here.map((remark) => this.#said(remark, i)));
      if (here.length) box.setAttribute("aria-invalid", "true");
      else box.removeAttribute("aria-invalid");
    });
  }

  /** The first box that is empty, or the first. */
  focus() {
    const row = this.#rows.find(({ box }) => !box.value.trim()) ?? this.#rows[0];
    row?.box.focus();
  }

  #add() {
    const n = this.#rows.length;
    const said = el("div", { class: "instruction-said", id: `instruction-${n}-said` });
    const box = el("textarea", {
      rows: 2,
      maxlength: 500,
      spellcheck: "true",
      lang: this.bench.task.language || null,
      "aria-label": `Instruction ${n + 1}`,
      "aria-describedby": `instruction-${n}-by instruction-${n}-said`,
      onchange: () => this.#save(),
      oninput: () => this.offer(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event, n),
    });
    const by = el("p", { class: "quiet instruction-by", id: `instruction-${n}-by`, hidden: true });
    this.#rows.push({ box, said, by });
    this.list.append(el("div", { class: "instruction" }, by, box, said));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} n
   */
  #key(event, n) {
    const { box } = this.#rows[n];
    if (event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") return this.#save();
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (!box.value.trim() && this.#offers.length) box.value = box.placeholder;
      this.#save();
      const next = this.#rows.slice(n + 1).find((row) => !row.box.value.trim());
      (next?.box ?? byId("ornaments")).focus();
      this.offer();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !box.value && this.#offers.length) {
      event.preventDefault();
      const { length } = this.#offers;
      this.#turn = (this.#turn + (event.key === "ArrowDown" ? 1 : length - 1)) % length;
      this.offer();
    }
  }

  #save() {
    const texts = this.#rows.map(({ box }) => box.value.trim());
    while (texts.length && !texts.at(-1)) texts.pop();
    this.change({ instructions: texts }, "Write an instruction");
  }

  /**
   * @param {Remark} remark
   * @param {number} n
   */
  #said({ message, severity, word, meant }, n) {
    const line = el("p", { class: `instruction-remark ${severity}` }, message);
    if (!word || this.bench.readOnly) return line;
    const button = (/** @type {string} */ text, /** @type {() => void} */ run) =>
      line.append(" ", el("button", { type: "button", class: "link-button", onclick: run }, text));
    if (meant) button(`Use ${meant}`, () => this.#correct(n, word, meant));
    button("Add to the project's words", () => learn(this.bench, word));
    return line;
  }

  /**
   * @param {number} n
   * @param {string} word
   * @param {string} meant
   */
  #correct(n, word, meant) {
    const { box } = this.#rows[n];
    const as = (/** @type {string} */ found) =>
      found[0] === found[0].toUpperCase() ? meant[0].toUpperCase() + meant.slice(1) : meant;
    box.value = box.value.replace(new RegExp(`(?<!\\p{L})${word}(?!\\p{L})`, "giu"), as);
    this.#save();
  }
}

/**
 * @param {Bench} bench
 * @param {string} word
 */
async function learn(bench, word) {
  const { status, body } = await ask("POST", `projects/${bench.task.project}/dictionary/`, { body: { word } });
  if (status === 200) bench.say(`${word} is a word of this project now.`);
  else bench.say(body?.error?.message ?? "The server can't be reached; the word is not added.", "error");
  bench.emit("remarks");
}

/**
 * @param {Bench} bench
 * @param {Segment} segment
 * @returns {import("../../models/instructions.js").About}
 */
function about(bench, segment) {
  const label = (/** @type {string | null | undefined} */ id) => bench.work.get("tracks", id ?? null)?.label ?? "";
  const side = segment.hand_side === "both" ? "hands" : segment.hand_side ? `${segment.hand_side} hand` : "";
  return {
    action: bench.terms.get(`actions/${segment.action}`),
    phase: bench.terms.get(`phases/${segment.phase}`),
    object: segment.object_name || wordsOf(label(segment.object)).replace("target ", ""),
    hand: side || wordsOf(label(segment.hand)).replace("human ", ""),
  };
}
