/** Where rules are broken by segments too narrow to show it: a mark with their number, and a press goes there. */

import { clusters } from "../models/row_layout.js";
import { el } from "./dom.js";

/** @typedef {import("../models/work.js").Segment} Segment */
/** @typedef {import("./grammar_watch.js").OfSegment} OfSegment */

const ROOM = 15; // px that a mark needs
const TOLD = 3; // sentences in its tooltip

export class LaneMarks {
  #shown = "";

  /**
   * @param {import("./segment_lanes.js").SegmentLanes} lanes
   * @param {HTMLElement} body
   */
  constructor(lanes, body) {
    this.lanes = lanes;
    this.element = el("div", { class: "lane-marks" });
    body.append(this.element);
  }

  /**
   * @param {Segment[]} narrow those of the row that are in sight and have no room for a mark of their own
   * @param {(id: string) => OfSegment[]} remarksOf
   */
  show(narrow, remarksOf) {
    const { axis } = this.lanes;
    const broken = narrow.filter(({ id }) => remarksOf(id).length);
    const found = clusters(broken, (one) => axis.x(one.start), ROOM);
    const state = found.map(({ x, items }) => [Math.round(x), items.map(({ id }) => id)].join()).join(";");
    const said = broken.flatMap(({ id }) => remarksOf(id).map(({ message }) => message)).join();
    if (state + said === this.#shown) return;
    this.#shown = state + said;
    this.element.replaceChildren(
      ...found.map(({ x, items }) => {
        const remarks = items.flatMap(({ id }) => remarksOf(id));
        return this.#mark(x, items, remarks);
      }),
    );
  }

  /**
   * @param {number} x px
   * @param {Segment[]} segments
   * @param {OfSegment[]} remarks
   */
  #mark(x, segments, remarks) {
    const { timeline, bench } = this.lanes;
    const [first, last] = [segments[0], segments[segments.length - 1]];
    const more = remarks.length - TOLD;
    const told = remarks.slice(0, TOLD).map(({ message }) => message);
    const many = remarks.length === 1 ? "1 rule is broken" : `${remarks.length} rules are broken`;
    const mark = el(
      "button",
      {
        type: "button",
        class: "lane-mark",
        // The keys walk over the segments, Alt+B over the broken ones.
        tabindex: "-1",
        "data-remark": remarks.some(({ severity }) => severity === "error") ? "error" : "warning",
        "aria-label": `${many} between frames ${first.start} and ${last.end - 1}; show them`,
        title: [...told, more > 0 ? `And ${more} more.` : ""].filter(Boolean).join("\n"),
        onpointerdown: (/** @type {Event} */ event) => event.stopPropagation(),
        onclick: () => {
          timeline.axis.frameOn(first.start, last.end);
          timeline.moved();
          bench.select("segments", first.id);
          bench.player.go(first.start);
        },
      },
      remarks.length > 99 ? "99+" : remarks.length > 1 ? String(remarks.length) : "!",
    );
    mark.style.transform = `translateX(${Math.max(0, x)}px)`;
    return mark;
  }
}
