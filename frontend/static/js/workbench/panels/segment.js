/** The selected segment in words: class, phase, boundaries, instructions. */

import { clock } from "../../models/timebase.js";
import { byId, el } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/work.js").Segment} Segment */

// Three ways of saying the same are what a segment needs.
const EXAMPLES = [
  "Put the red block into the box",
  "Move the red block to the box and drop it",
  "The red block goes into the box",
];

/** @typedef {(fields: Partial<Segment>, title: string) => void} Change */
/** @typedef {{element: HTMLElement, show: (segment: Segment) => void}} Field shows a segment without being made anew */

/** @param {Bench} bench */
export function bindSegment(bench) {
  const panel = byId("segment-panel");
  /** @type {Field[]} */
  let fields = [];
  let id = "";
  const draw = () => {
    const { segment } = bench;
    panel.hidden = !segment;
    if (!segment) return;
    // Made anew only for another segment: a field that is replaced takes focus and words out of somebody's hands.
    if (segment.id !== id) {
      id = segment.id;
      const change = (/** @type {Partial<Segment>} */ values, /** @type {string} */ title) =>
        changeSegment(bench, segment.id, values, title);
      fields = makeFields(bench, change);
      byId("segment").replaceChildren(...fields.map((field) => field.element));
    }
    for (const field of fields) field.show(segment);
  };
  bench.on("selection work readonly", draw);
}

/**
 * @param {Bench} bench
 * @param {Change} change
 * @returns {Field[]}
 */
function makeFields(bench, change) {
  const { actions, phases } = bench.task.taxonomy;
  return [
    pair(
      choice(
        "Action",
        actions,
        (segment) => segment.action,
        (action) => change({ action }, "Change the action of a segment"),
      ),
      choice(
        "Phase",
        phases,
        (segment) => segment.phase,
        (phase) => change({ phase }, "Change the phase of a segment"),
      ),
    ),
    pair(boundary(bench, "start", "First frame", change), boundary(bench, "end", "End (not included)", change)),
    duration(bench),
    choice(
      "Level",
      [{ key: "primitive" }, { key: "task" }],
      (segment) => segment.level,
      (level) => change({ level }, "Change the level of a segment"),
      false,
    ),
    instructions(change),
  ];
}

/**
 * @param {Field} a
 * @param {Field} b
 * @returns {Field}
 */
function pair(a, b) {
  return {
    element: el("div", { class: "pair" }, a.element, b.element),
    show(segment) {
      a.show(segment);
      b.show(segment);
    },
  };
}

/**
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 * @param {string} value
 */
function put(field, value) {
  if (field !== document.activeElement) field.value = value;
}

/**
 * @param {Bench} bench
 * @param {"start" | "end"} which
 * @param {string} name
 * @param {Change} change
 * @returns {Field}
 */
function boundary(bench, which, name, change) {
  const { start, end } = bench.task;
  const input = el("input", {
    type: "number",
    min: which === "end" ? start + 1 : start,
    max: which === "end" ? end : end - 1,
    onchange: () => change({ [which]: Number(input.value) }, `Move the ${which} of a segment`),
  });
  return { element: el("label", {}, name, input), show: (segment) => put(input, String(segment[which])) };
}

/** @param {Bench} bench @returns {Field} */
function duration(bench) {
  const text = el("p", { class: "quiet number" });
  const { timebase } = bench.player;
  return {
    element: text,
    show(segment) {
      const [first, last] = [timebase.at(segment.start), timebase.at(segment.end - 1)];
      const lasts = last - first + (bench.clip.fps ? 1 / bench.clip.fps : 0);
      const sure = segment.confidence != null && segment.method !== "manual";
      text.textContent = `${clock(first)} – ${clock(last)} · ${lasts.toFixed(2)} s`;
      if (sure) text.textContent += ` · confidence ${segment.confidence?.toFixed(2)}`;
    },
  };
}

/** @param {Change} change @returns {Field} */
function instructions(change) {
  /** @type {HTMLTextAreaElement[]} */
  const boxes = [];
  const save = () => {
    const texts = boxes.map((box) => box.value.trim());
    while (texts.length && !texts.at(-1)) texts.pop();
    change({ instructions: texts }, "Write an instruction");
  };
  const element = el("fieldset", { class: "instructions" }, el("legend", {}, "Instructions, said in three ways"));
  const room = (/** @type {number} */ count) => {
    while (boxes.length < count) {
      const n = boxes.length;
      const box = el("textarea", {
        rows: 2,
        maxlength: 500,
        "aria-label": `Instruction ${n + 1}`,
        placeholder: EXAMPLES[n] ?? "",
        onchange: save,
      });
      boxes.push(box);
      element.append(box);
    }
  };
  return {
    element,
    show(segment) {
      room(Math.max(EXAMPLES.length, segment.instructions.length));
      boxes.forEach((box, i) => {
        put(box, segment.instructions[i] ?? "");
      });
    },
  };
}

/**
 * @param {string} name
 * @param {any[]} terms
 * @param {(segment: Segment) => string} read
 * @param {(key: string) => void} change
 * @param {boolean} [optional]
 * @returns {Field}
 */
function choice(name, terms, read, change, optional = true) {
  const select = el("select", { "aria-label": name, onchange: () => change(select.value) });
  return {
    element: el("label", {}, name, select),
    show(segment) {
      const value = read(segment);
      const known = terms.filter((term) => !term.retired || term.key === value).map((term) => term.key);
      const keys = optional ? ["", ...known] : known;
      if (keys.join() !== [...select.options].map((option) => option.value).join()) {
        select.replaceChildren(...keys.map((key) => el("option", { value: key }, key || "–")));
      }
      select.value = value;
    },
  };
}

/**
 * @param {Bench} bench
 * @param {string} id
 * @param {Partial<Segment>} fields
 * @param {string} title
 */
export function changeSegment(bench, id, fields, title) {
  const before = bench.work.get("segments", id);
  if (!before) return;
  const after = { ...before, ...fields };
  const { start, end } = bench.task;
  if (!(start <= after.start && after.start < after.end && after.end <= end)) {
    bench.say(`A segment lies between frames ${start} and ${end} and starts before it ends.`, "warning");
    bench.emit("selection");
    return;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  if (after.method === "auto") after.method = "assisted";
  bench.commit(title, [{ kind: "segments", id, before, after }]);
}
