/** The selected segment in words: class, phase, boundaries, object and hand, outcome, instructions. */

import { clock } from "../../models/timebase.js";
import { byId, el } from "../dom.js";
import { Instructions } from "./instructions.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/work.js").Segment} Segment */

/** @typedef {(fields: Partial<Segment>, title: string) => void} Change */
/** @typedef {{element: HTMLElement, show: (segment: Segment) => void}} Field shows a segment without being made anew */

// Fields that have a key of their own, by their names.
const NAMES = { action: "Action", phase: "Phase", object: "Object", hand: "Hand", outcome: "Outcome" };

/** @param {Bench} bench */
export function bindSegment(bench) {
  const panel = byId("segment-panel");
  /** @type {Field[]} */
  let fields = [];
  /** @type {Instructions | null} */
  let texts = null;
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
      texts = new Instructions(bench, change);
      fields = makeFields(bench, change, texts);
      byId("segment").replaceChildren(...fields.map((field) => field.element));
    }
    for (const field of fields) field.show(segment);
  };
  bench.on("selection work readonly", draw);
  bench.on("remarks-changed", () => texts?.remark());
  bench.on("proposals", () => texts?.offer());
  bench.on("write-segment", (/** @type {keyof typeof NAMES | "instructions"} */ what) => {
    if (!bench.segment) return bench.say("Select a segment first, or begin one with I.");
    if (what === "instructions") return texts?.focus();
    const field = panel.querySelector(`[aria-label="${NAMES[what]}"]`);
    if (field instanceof HTMLElement) field.focus();
  });
}

/**
 * @param {Bench} bench
 * @param {Change} change
 * @param {Instructions} texts
 * @returns {Field[]}
 */
function makeFields(bench, change, texts) {
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
    objectField(bench, change),
    texts,
    pair(
      choice(
        "Hand",
        ["left", "right", "both"].map((key) => ({ key })),
        (segment) => segment.hand_side ?? "",
        (hand_side) => change({ hand_side }, "Say which hand acts"),
      ),
      trackChoice(bench, "Mask of the hand", "hand", (hand) => change({ hand }, "Link a segment with a hand")),
    ),
    pair(
      choice(
        "Outcome",
        ["success", "failure", "recovery"].map((key) => ({ key })),
        (segment) => segment.outcome ?? "",
        (outcome) => change({ outcome }, "Say how a segment ended"),
      ),
      confidence(change),
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
      text.textContent = `${clock(first)} – ${clock(last)} · ${lasts.toFixed(2)} s`;
    },
  };
}

/**
 * What the segment is about, and its mask: choosing a mask that has a name elsewhere brings the name.
 *
 * @param {Bench} bench
 * @param {Change} change
 * @returns {Field}
 */
function objectField(bench, change) {
  const names = el("datalist", { id: "object-names" });
  const input = el("input", {
    maxlength: 80,
    list: "object-names",
    placeholder: "red block",
    "aria-label": "Object",
    onchange: () => change({ object_name: input.value.trim() }, "Name the object of a segment"),
  });
  const known = () => bench.work.segments.filter(({ object_name }) => object_name);
  const link = trackChoice(bench, "Mask of the object", "object", (object) => {
    const elsewhere = object ? known().find((each) => each.object === object) : undefined;
    const name = input.value.trim() || elsewhere?.object_name || "";
    change({ object, object_name: name }, "Link a segment with an object");
  });
  return {
    element: el("div", { class: "pair" }, el("label", {}, "Object", input, names), link.element),
    show(segment) {
      put(input, segment.object_name ?? "");
      link.show(segment);
      const all = [...new Set(known().map(({ object_name }) => String(object_name)))];
      names.replaceChildren(...all.map((value) => el("option", { value })));
    },
  };
}

/**
 * @param {Bench} bench
 * @param {string} name
 * @param {"object" | "hand"} role
 * @param {(id: string | null) => void} change
 * @returns {Field}
 */
function trackChoice(bench, name, role, change) {
  const select = el("select", { "aria-label": name, onchange: () => change(select.value || null) });
  return {
    element: el("label", {}, name, select),
    show(segment) {
      const value = segment[role] ?? "";
      const options = bench.work.tracks.map(({ id, number, label }) => [id, `${number} · ${label}`]);
      if (value && !options.some(([id]) => id === value)) options.push([value, "erased"]);
      const wanted = [["", bench.work.tracks.length ? "–" : "no masks yet"], ...options];
      if (JSON.stringify(wanted) !== select.dataset.options) {
        select.dataset.options = JSON.stringify(wanted);
        select.replaceChildren(...wanted.map(([id, text]) => el("option", { value: id }, text)));
      }
      select.value = value;
    },
  };
}

/** @param {Change} change @returns {Field} */
function confidence(change) {
  const input = el("input", {
    type: "number",
    min: 0,
    max: 100,
    step: 5,
    placeholder: "–",
    "aria-label": "Confidence, %",
    onchange: () => {
      const share = input.value === "" ? null : Math.min(100, Math.max(0, Number(input.value))) / 100;
      change({ confidence: share }, "Say how sure a segment is");
    },
  });
  return {
    element: el("label", {}, "Confidence, %", input),
    show: ({ confidence: sure }) => put(input, sure == null ? "" : String(Math.round(sure * 100))),
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
