/** What the lanes under the time axis mean, drawn by what draws the lanes, so that it cannot say something else. */

import { TimeAxis } from "../../models/axis.js";
import { placeOfPhase } from "../../models/bar_looks.js";
import { SOURCES } from "../../models/track_lane.js";
import { byId, el } from "../dom.js";
import { dress } from "../segment_bar.js";
import { LanePainter } from "../track_lanes.js";

const [WIDTH, HEIGHT, FRAMES] = [64, 30, 8];
const COLOUR = "#6aa9e9";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/track_lane.js").Lane} Lane */
/** @typedef {import("../../models/track_lane.js").Source} Source */

/** @param {Partial<Lane>} parts @returns {Lane} */
const lane = (parts) => ({ runs: [], keyframes: [], outside: [], missing: [], ...parts });

/** @param {Source} source @param {boolean} [occluded] */
const run = (source, occluded = false) => [{ start: 0, end: FRAMES, source, occluded }];

/** @type {[string, Lane, Map<number, number>][]} */
const ENTRIES = [
  .../** @type {Source[]} */ (["person", "propagated", "interpolated", "model"]).map(
    (source) =>
      /** @type {[string, Lane, Map<number, number>]} */ ([SOURCES[source], lane({ runs: run(source) }), new Map()]),
  ),
  ["keyframe: carried from, never written over", lane({ runs: run("person"), keyframes: [3] }), new Map()],
  ["occluded: something is in front", lane({ runs: run("person", true) }), new Map()],
  ["outside of the picture", lane({ outside: [[0, FRAMES]] }), new Map()],
  ["missing between two masks", lane({ missing: [[0, FRAMES]] }), new Map()],
  ["drift: the higher, the less a mask fits the next", lane({ runs: run("propagated") }), sampleOfDrift()],
];

function sampleOfDrift() {
  return new Map([0.95, 0.93, 0.96, 0.35, 0.9, 0.95, 0.94].map((iou, frame) => [frame, iou]));
}

/**
 * Bars as the rows have them.
 *
 * @param {Bench} bench
 * @returns {HTMLElement}
 */
function barsLegend(bench) {
  const { phases } = bench.task.taxonomy;
  const classes = bench.task.taxonomy.actions.filter((/** @type {any} */ term) => !term.retired);
  const sample = (/** @type {import("../segment_bar.js").Looks} */ looks, name = "bar") => {
    const bar = el("span", { class: name, "aria-hidden": "true" });
    dress(bar, looks);
    return bar;
  };
  const [first] = classes;
  const colour = first?.colour ?? COLOUR;
  const row = (/** @type {Node} */ picture, /** @type {string} */ said) =>
    el("li", {}, el("span", { class: "legend-bar" }, picture), el("span", {}, said));
  const marked = sample({ colour, place: null });
  marked.dataset.remark = "warning";
  return el(
    "div",
    {},
    el("h3", {}, "Fill: the action"),
    el(
      "ul",
      { class: "legend-rows short" },
      ...classes.map((/** @type {any} */ term) => row(sample({ colour: term.colour, place: null }), term.key)),
    ),
    el("h3", {}, "Band at the top: the phase, from the first to the last"),
    el(
      "ul",
      { class: "legend-rows short" },
      ...phases.map((/** @type {any} */ phase, /** @type {number} */ n) =>
        row(sample({ colour, other: n % 2 > 0, place: placeOfPhase(phases, phase.key) }), phase.key),
      ),
    ),
    el("h3", {}, "Marks"),
    el(
      "ul",
      { class: "legend-rows" },
      row(sample({ colour, place: null, other: true }), "lighter: the same action again"),
      row(sample({ colour, place: null }, "bar proposed"), "dashed: proposed, not yet accepted"),
      row(marked, "underlined: breaks a rule; the tooltip says which"),
      row(
        el("span", { class: "legend-moment", "aria-hidden": "true" }),
        "motion starts, rests or stops: ends snap here",
      ),
    ),
  );
}

/** @param {Bench} bench @returns {HTMLElement} */
function makeLegend(bench) {
  const axis = new TimeAxis(FRAMES);
  axis.width = WIDTH;
  const ratio = window.devicePixelRatio || 1;
  const rows = ENTRIES.map(([said, shown, drift]) => {
    const canvas = el("canvas", { "aria-hidden": "true", width: WIDTH * ratio, height: HEIGHT * ratio });
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    g.scale(ratio, ratio);
    new LanePainter(g, axis, COLOUR, getComputedStyle(byId("lanes"))).draw(shown, drift, { arrived: [], changed: [] });
    return el("li", {}, canvas, el("span", {}, said));
  });
  const objects = el("div", {}, el("h3", {}, "Objects"), el("ul", { class: "legend-rows" }, ...rows));
  return el("div", { class: "legend-parts" }, barsLegend(bench), objects);
}

/** A button beside the ruler shows it, and the help sheet has it under the keys. @param {Bench} bench */
export function bindLegend(bench) {
  const button = byId("legend-open");
  const panel = byId("legend");
  const toggle = (/** @type {boolean} */ open) => {
    if (open && !panel.querySelector(".legend-parts")) panel.append(makeLegend(bench));
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => toggle(Boolean(panel.hidden)));
  for (const element of [button, panel])
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || panel.hidden) return;
      event.stopPropagation();
      toggle(false);
      button.focus();
    });
  byId("help-legend").addEventListener("toggle", (event) => {
    const details = /** @type {HTMLDetailsElement} */ (event.target);
    if (details.open && !details.querySelector(".legend-parts")) details.append(makeLegend(bench));
  });
}
