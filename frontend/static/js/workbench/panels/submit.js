/** Submitting: everything is saved first, errors are listed and stand in the way, warnings are asked about once. */

import { ask } from "../../api.js";
import { byId, el } from "../dom.js";
import { rove } from "../roving.js";
import { loadRemarks, remarkRows, setRemarks } from "./remarks.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../stage.js").Stage} Stage */

/** @param {number} n @param {string} what */
const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

export class Submitting {
  #panel = byId("submit-panel");
  #list = byId("submit-list");
  #confirm = /** @type {HTMLButtonElement} */ (byId("submit-confirm"));

  /**
   * @param {Bench} bench
   * @param {Stage} stage
   */
  constructor(bench, stage) {
    this.bench = bench;
    this.stage = stage;
    this.#confirm.addEventListener("click", () => this.#send());
    byId("submit-close").addEventListener("click", () => this.#close());
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    });
    rove(this.#list, ".row-name");
    bench.on("remarks-changed", () => !this.#panel.hidden && this.#draw());
    bench.on("readonly", () => this.#close());
  }

  /** What the command does; while the question is shown, it is the answer. */
  async run() {
    const { bench } = this;
    if (!bench.mayWrite()) return;
    if (!this.#panel.hidden && !this.#confirm.hidden) return this.#send();
    if (!(await this.#isSaved())) return;
    if (!(await loadRemarks(bench))) {
      bench.say("The server can't be reached; the task is not submitted.", "error");
      return;
    }
    bench.say("");
    if (bench.remarks.length) this.#open();
    else await this.#send();
  }

  async #isSaved() {
    const { bench } = this;
    bench.say("Saving, then submitting…");
    await bench.outbox.drained();
    const { unsaved, refusals } = bench.outbox;
    if (!unsaved) return true;
    const how = refusals.length ? "the list of remarks says why" : "settle them first";
    bench.say(`${counted(unsaved, "change")} ${unsaved === 1 ? "is" : "are"} not saved: ${how}.`, "warning");
    return false;
  }

  #open() {
    this.#panel.hidden = false;
    this.#draw();
    const first = this.#confirm.hidden ? this.#list.querySelector("button") : this.#confirm;
    if (first instanceof HTMLElement) first.focus();
  }

  #close() {
    if (this.#panel.hidden) return;
    this.#panel.hidden = true;
    byId("ornaments").focus({ preventScroll: true });
  }

  #draw() {
    const { bench, stage } = this;
    const errors = bench.remarks.filter(({ severity }) => severity === "error");
    const warnings = bench.remarks.filter(({ severity }) => severity !== "error");
    byId("submit-title").textContent = errors.length
      ? `${counted(errors.length, "error")} to mend before it can be submitted`
      : warnings.length
        ? `Submit with ${counted(warnings.length, "warning")}?`
        : "Nothing stands in the way";
    this.#confirm.hidden = errors.length > 0;
    const focused = [...this.#list.querySelectorAll("button")].indexOf(/** @type {any} */ (document.activeElement));
    this.#list.replaceChildren(
      ...remarkRows(bench, stage, errors),
      errors.length && warnings.length ? el("h3", {}, counted(warnings.length, "warning")) : "",
      ...remarkRows(bench, stage, warnings),
    );
    const rows = this.#list.querySelectorAll("button");
    if (focused >= 0) (rows[Math.min(focused, rows.length - 1)] ?? this.#confirm).focus({ preventScroll: true });
  }

  async #send() {
    const { bench } = this;
    if (!(await this.#isSaved())) return;
    const submit = () => ask("POST", `tasks/${bench.task.id}/submit/`);
    const { status, body } = await (bench.lease ? bench.lease.giveAway(submit) : submit());
    if (status === 200) {
      this.#close();
      bench.close("Submitted: the task is in review now.");
      offerNext(bench);
      return;
    }
    bench.say(body?.error?.message ?? "The server can't be reached; the task is not submitted.", "error");
    const remarks = body?.error?.details?.remarks;
    if (!remarks) return;
    setRemarks(bench, remarks);
    this.#open();
  }
}

/** @param {Bench} bench */
function offerNext(bench) {
  const next = el("button", { type: "button", class: "button primary" }, "Next task");
  next.addEventListener("click", async () => {
    const { status, body } = await ask("POST", `projects/${bench.task.project}/tasks/next/`);
    if (status === 200) location.assign(`/tasks/${body.id}/`);
    else bench.say(status === 204 ? "There is no task waiting for you." : "The server can't be reached.", "info");
  });
  byId("notice-actions").replaceChildren(next);
}
