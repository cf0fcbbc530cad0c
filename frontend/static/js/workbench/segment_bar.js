/** One action segment as a bar, and a proposed one. The hand is dealt with by the row that they lie in. */

import { phaseColour, placeOfPhase } from "../models/bar_looks.js";
import { nameOf } from "../models/segment_edits.js";
import { framesSaid } from "../models/spoken.js";
import { el } from "./dom.js";

/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {import("./segment_lanes.js").SegmentLanes} SegmentLanes */

/** @typedef {{colour: string, other?: boolean, place: number | null}} Looks of the class; of the phase, 0 to 1 */

/**
 * Colour of the class, tone among neighbours, and a band for the phase.
 *
 * @param {HTMLElement} element
 * @param {Looks} looks
 */
export function dress(element, { colour, other = false, place }) {
  element.style.setProperty("--bar", colour);
  element.classList.toggle("other-tone", other);
  element.toggleAttribute("data-phase", place !== null);
  if (place !== null) element.style.setProperty("--phase", phaseColour(place));
}

export class SegmentBar {
  #shown = "";

  /** @param {SegmentLanes} lanes */
  constructor(lanes) {
    this.bench = lanes.bench;
    this.lanes = lanes;
    this.text = el("span", { class: "bar-text" });
    this.element = el(
      "div",
      {
        class: "bar",
        role: "button",
        tabindex: "-1",
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      },
      el("span", { class: "grip start" }),
      this.text,
      el("span", { class: "grip end" }),
    );
  }

  /** @param {Segment} segment */
  show(segment) {
    const { bench, element } = this;
    const chosen = bench.segments.some(({ id }) => id === segment.id);
    const first = bench.segment?.id === segment.id;
    const colour = bench.actionColour(segment.action);
    const label = nameOf(segment);
    const other = this.lanes.isOther(segment.id);
    const remarks = this.lanes.remarksOf(segment.id);
    const said = remarks.map(({ message }) => message).join(" ");
    const state = [segment.start, segment.end, chosen, first, colour, other, label, said].join();
    if (state === this.#shown) return;
    this.#shown = state;
    this.segment = segment;
    element.dataset.segment = segment.id;
    element.classList.toggle("selected", chosen);
    element.classList.toggle("first", first);
    element.setAttribute("aria-pressed", String(chosen));
    element.setAttribute("aria-label", `${label}, ${framesSaid(segment.start, segment.end)}`);
    markRemarks(element, remarks);
    element.title =
      said || `${label}, ${framesSaid(segment.start, segment.end)}; drag the ends, Shift and Ctrl select more`;
    dress(element, { colour, other, place: placeOfPhase(bench.task.taxonomy.phases, segment.phase) });
    this.text.textContent = label;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if ((event.key !== "Enter" && event.key !== " ") || !this.segment) return;
    // Once more, and Enter leads to its class as it does on the picture.
    if (event.key === "Enter" && this.bench.segment?.id === this.segment.id) return;
    this.bench.select("segments", this.segment.id);
    this.bench.player.go(this.segment.start);
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * A rule that a segment breaks is seen on its bar: before it, where the gap is, or under it.
 *
 * @param {HTMLElement} element
 * @param {import("./grammar_watch.js").OfSegment[]} remarks
 */
function markRemarks(element, remarks) {
  if (!remarks.length) {
    delete element.dataset.remark;
    return;
  }
  element.dataset.remark = remarks.some(({ severity }) => severity === "error") ? "error" : "warning";
  element.toggleAttribute(
    "data-gap-before",
    remarks.every(({ rule }) => rule === "no_gap"),
  );
}

export class ProposedBar {
  #shown = "";

  /** @param {SegmentLanes} lanes */
  constructor(lanes) {
    this.bench = lanes.bench;
    this.lanes = lanes;
    this.text = el("span", { class: "bar-text" });
    const props = { type: "button", class: "bar proposed", tabindex: "-1", onclick: () => this.#choose() };
    this.element = el("button", props, this.text);
  }

  /** @param {import("../models/proposals.js").Proposal} proposal */
  show(proposal) {
    const { bench, element } = this;
    const chosen = bench.proposal?.id === proposal.id;
    const name = [proposal.details?.phase, proposal.label].filter(Boolean).join(" · ");
    const other = this.lanes.isOther(proposal.id);
    const state = [proposal.id, chosen, name, other, proposal.confidence].join();
    this.proposal = proposal;
    if (state === this.#shown) return;
    this.#shown = state;
    element.setAttribute("aria-pressed", String(chosen));
    element.setAttribute(
      "aria-label",
      `Proposed: ${name || "segment"}, ${framesSaid(proposal.start, proposal.end)}, confidence ${proposal.confidence.toFixed(2)}`,
    );
    element.title = `${name}, confidence ${proposal.confidence.toFixed(2)}: A accepts, X rejects`;
    const place = placeOfPhase(bench.task.taxonomy.phases, String(proposal.details?.phase ?? ""));
    dress(element, { colour: bench.actionColour(proposal.label), other, place });
    this.text.textContent = name || "segment";
  }

  #choose() {
    if (!this.proposal) return;
    this.bench.select("proposals", this.proposal.id);
    this.bench.player.go(this.proposal.start);
  }
}
