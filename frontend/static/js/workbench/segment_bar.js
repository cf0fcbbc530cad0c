/** One action segment as a bar: drag its ends or the whole of it, frame by frame. */

import { moveEnd } from "../models/segments.js";
import { el } from "./dom.js";
import { changeSegment } from "./panels/segment.js";

const EDGE = 7; // px at either end that take the end and not the bar
const SLOP = 3; // px below which a press is a click

/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {"start" | "end" | "both"} Grip */

export class SegmentBar {
  /**
   * @param {import("./timeline.js").Timeline} timeline
   * @param {Segment} segment
   */
  constructor(timeline, segment) {
    this.timeline = timeline;
    this.bench = timeline.bench;
    this.segment = segment;
    this.moved = segment;
    const selected = this.bench.segment?.id === segment.id;
    this.element = el(
      "div",
      {
        class: `bar${selected ? " selected" : ""}`,
        role: "button",
        tabindex: "0",
        "aria-pressed": String(selected),
        "aria-label": `${label(segment)}, frames ${segment.start} to ${segment.end - 1}`,
        title: `${label(segment)}: drag the ends, arrows with Alt move the start, with Alt and Shift the end`,
        "data-segment": segment.id,
        onpointerdown: (/** @type {PointerEvent} */ event) => this.#press(event),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      },
      el("span", { class: "grip start" }),
      el("span", { class: "bar-text" }, label(segment)),
      el("span", { class: "grip end" }),
    );
    this.element.style.setProperty("--bar", this.bench.actionColour(segment.action));
    timeline.place(this.element, segment.start, segment.end);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.element.focus();
    this.bench.select("segments", this.segment.id);
    if (this.bench.readOnly) return;
    const box = this.element.getBoundingClientRect();
    const inset = Math.min(EDGE, box.width / 3);
    /** @type {Grip} */
    const grip = event.clientX - box.left < inset ? "start" : box.right - event.clientX < inset ? "end" : "both";
    this.#drag(event, grip);
  }

  /**
   * @param {PointerEvent} event
   * @param {Grip} grip
   */
  #drag(event, grip) {
    const { axis, ruler } = this.timeline;
    const left = ruler.getBoundingClientRect().left;
    const offset = axis.x(grip === "end" ? this.segment.end : this.segment.start) - (event.clientX - left);
    const from = event.clientX;
    let begun = false;
    const move = (/** @type {PointerEvent} */ now) => {
      if (!begun && Math.abs(now.clientX - from) < SLOP) return;
      begun = true;
      this.element.classList.add("dragging");
      this.#moveTo(grip, axis.boundary(now.clientX - left + offset));
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      this.element.classList.remove("dragging");
      const { start, end } = this.moved;
      if (begun) changeSegment(this.bench, this.segment.id, { start, end }, TITLES[grip]);
      this.timeline.redrawLanes();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  }

  /**
   * @param {Grip} grip
   * @param {number} boundary
   */
  #moveTo(grip, boundary) {
    this.moved = moveEnd(this.segment, grip, boundary, this.bench.task);
    this.timeline.place(this.element, this.moved.start, this.moved.end);
    // The picture shows the frame that the boundary now takes in.
    this.bench.player.go(grip === "end" ? this.moved.end - 1 : this.moved.start);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter") {
      this.bench.select("segments", this.segment.id);
      this.bench.player.go(this.segment.start);
    } else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const by = event.key === "ArrowLeft" ? -1 : 1;
      /** @type {Grip} */
      const grip = event.shiftKey ? "end" : "start";
      const { start, end } = moveEnd(this.segment, grip, this.segment[grip] + by, this.bench.task);
      this.bench.select("segments", this.segment.id);
      changeSegment(this.bench, this.segment.id, { start, end }, TITLES[grip]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @type {Record<Grip, string>} */
const TITLES = { start: "Move the start of a segment", end: "Move the end of a segment", both: "Move a segment" };

/**
 * The phase first: a bar is often too short for both, and neighbours differ by their phase.
 *
 * @param {Segment} segment
 */
function label(segment) {
  return [segment.phase, segment.action || "no action"].filter(Boolean).join(" · ");
}
