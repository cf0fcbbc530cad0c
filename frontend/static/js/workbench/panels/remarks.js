/** Tier 1: what is already wrong, or looks it, and one click to get there. Refused saves stand first. */

import { get } from "../../api.js";
import { arrange, byId, el, icon, iconButton } from "../dom.js";
import { nameOf, takeBack } from "../refusals.js";
import { markPlaces, visit } from "../remark_places.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../remark_places.js").Remark} Remark */

const RESTS = 700; // ms after the last save that the whole task is checked
const MOST = 300; // rows; nobody reads more, and thousands would slow the page down

/**
 * @param {Bench} bench
 * @param {Stage} stage
 */
export function bindRemarks(bench, stage) {
  let visited = -1;
  let timer = 0;
  // The answer to a save speaks of one thing at once; the whole list follows when the hand rests.
  bench.outbox.on("saved", ({ entry, answer }) => {
    if (!answer?.remarks) return;
    const about = (/** @type {Remark} */ remark) => remark.mask === entry.id || remark.segment === entry.id;
    // What two masks say of each other is told with either of them.
    const told = new Set(answer.remarks.map((/** @type {Remark} */ { frame, message }) => `${frame} ${message}`));
    // What was said of the task as a whole, that it is empty, may no longer hold; the whole list will say.
    const ofTask = (/** @type {Remark} */ { frame, segment }) => frame === undefined && segment === undefined;
    const stays = (/** @type {Remark} */ remark) =>
      !about(remark) && !ofTask(remark) && !told.has(`${remark.frame} ${remark.message}`);
    setRemarks(bench, [...answer.remarks, ...bench.remarks.filter(stays)]);
  });
  bench.outbox.on("drained", () => {
    clearTimeout(timer);
    timer = setTimeout(() => loadRemarks(bench), RESTS);
  });
  bench.on("remarks", () => loadRemarks(bench));
  bench.on("segment-remarks", () => setRemarks(bench, bench.remarks));
  bench.on("next-remark", () => {
    const { remarks } = bench;
    if (!remarks.length) return bench.say("Nothing to remark.");
    visited = (visited + 1) % remarks.length;
    visit(bench, stage, remarks[visited]);
    bench.say(remarks[visited].message, "warning");
  });
  const draw = () => show(bench, stage);
  bench.on("remarks-changed", draw);
  bench.outbox.on("change", draw);
  markPlaces(bench, stage);
  draw();
  loadRemarks(bench);
}

/**
 * Ask the server about the whole task.
 *
 * @param {Bench} bench
 * @returns {Promise<boolean>} whether it answered
 */
export async function loadRemarks(bench) {
  const body = await get(`tasks/${bench.task.id}/remarks/`).catch(() => null);
  if (body) setRemarks(bench, body.remarks);
  return body !== null;
}

/**
 * What the grammar says is known here before the server says it, so that its word on that is passed over.
 *
 * @param {Bench} bench
 * @param {Remark[]} remarks
 */
export function setRemarks(bench, remarks) {
  bench.remarks = inOrder([...bench.remarksOfSegments, ...remarks.filter((remark) => !remark.rule)]);
  bench.emit("remarks-changed");
}

/** The rows that are there, by what they show: a save changes few of hundreds. @type {Map<string, HTMLElement>} */
let shownRows = new Map();

/**
 * @param {HTMLElement[]} first rows that are new each time
 * @param {[string, () => HTMLElement][]} wanted what each other row shows, and how it is made
 */
function layRows(first, wanted) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  for (const [what, make] of wanted) {
    // Two masks may be remarked in the same words.
    let key = what;
    while (rows.has(key)) key += "+";
    rows.set(key, shownRows.get(key) ?? make());
  }
  shownRows = rows;
  arrange(byId("remarks"), [...first, ...rows.values()]);
}

/**
 * Rows that lead to what they speak of, and how many more there would be.
 *
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {Remark[]} remarks
 */
export function remarkRows(bench, stage, remarks) {
  const rows = remarks.slice(0, MOST).map((remark) => row(bench, stage, remark));
  const more = remarks.length - rows.length;
  return more > 0 ? [...rows, moreRow(more)] : rows;
}

const moreRow = (/** @type {number} */ more) => el("p", { class: "empty" }, `And ${more} more.`);

/** Errors first, each kind as it comes in the clip. @param {Remark[]} remarks */
function inOrder(remarks) {
  const rank = (/** @type {Remark} */ { severity, frame }) => [severity === "error" ? 0 : 1, frame ?? -1];
  return remarks.sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1]);
}

/**
 * @param {Bench} bench
 * @param {Stage} stage
 */
function show(bench, stage) {
  const { remarks } = bench;
  const errors = remarks.filter((remark) => remark.severity === "error").length;
  const refused = bench.outbox.refusals;
  const badge = byId("remark-badge");
  badge.textContent = String(remarks.length + refused.length);
  badge.setAttribute("aria-label", `${badge.textContent} remark${badge.textContent === "1" ? "" : "s"}`);
  badge.dataset.tone = errors || refused.length ? "error" : remarks.length ? "warning" : "none";
  byId("remark-count").textContent = String(remarks.length + refused.length);
  /** @type {[string, () => HTMLElement][]} */
  const rows = remarks.slice(0, MOST).map((remark) => [JSON.stringify(remark), () => row(bench, stage, remark)]);
  const more = remarks.length - MOST;
  if (more > 0) rows.push([`${more} more`, () => moreRow(more)]);
  if (!rows.length && !refused.length) rows.push(["", () => el("p", { class: "empty" }, "Nothing to remark.")]);
  layRows(
    refused.map((entry) => refusal(bench, stage, entry)),
    rows,
  );
}

/**
 * What the server would not take: it stays on the screen, to be mended or taken back.
 *
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {import("../../models/outbox.js").Entry} entry
 */
function refusal(bench, stage, entry) {
  const { kind, id, body } = entry;
  const about = {
    severity: "error",
    message: "",
    frame: body.frame,
    ...(kind === "segments" ? { segment: id } : {}),
    ...(kind === "masks" ? { mask: id, track: body.track } : {}),
    ...(kind === "tracks" ? { track: id } : {}),
  };
  const name = nameOf(bench, entry);
  return el(
    "div",
    { class: "row remark error refused", "data-refused": id },
    el(
      "button",
      {
        type: "button",
        class: "row-name",
        title: "Go there; changed, it is saved again",
        onclick: () => visit(bench, stage, about),
      },
      icon("circle-alert"),
      el("span", { class: "grow" }, `${name} is not saved: ${entry.refused}`),
    ),
    iconButton("rotate-ccw", `Undo this change of ${name[0].toLowerCase()}${name.slice(1)}`, () =>
      takeBack(bench, entry),
    ),
  );
}

/**
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {Remark} remark
 */
function row(bench, stage, remark) {
  const error = remark.severity === "error";
  return el(
    "div",
    { class: `row remark ${error ? "error" : "warning"}` },
    el(
      "button",
      { type: "button", class: "row-name", onclick: () => visit(bench, stage, remark) },
      icon(error ? "circle-alert" : "triangle-alert"),
      el("span", { class: "grow" }, remark.message),
      ...place(remark),
    ),
  );
}

/** The frame, unless the sentence names it: the same remark on ten frames is ten rows. @param {Remark} remark */
function place({ frame, message }) {
  if (frame === undefined || frame === null || /\bframe/i.test(message)) return [];
  return [el("span", { class: "quiet number", title: `On frame ${frame}` }, String(frame))];
}
