/** Tier 1: what is already wrong, or looks it, and one click to get there. Refused saves stand first. */

import { get } from "../../api.js";
import { byId, el, icon, iconButton } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/**
 * @typedef {object} Remark
 * @property {string} severity
 * @property {string} message
 * @property {string} [mask]
 * @property {string} [segment]
 * @property {string} [track]
 * @property {number} [frame]
 * @property {[number, number]} [at] pixel of the picture to look at
 */

const RING = 14; // screen px

/**
 * @param {Bench} bench
 * @param {import("../stage.js").Stage} stage
 */
export function bindRemarks(bench, stage) {
  /** @type {Remark[]} */
  let remarks = [];
  let visited = -1;
  let timer = 0;
  const draw = () => show(bench, remarks);
  const load = async () => {
    const body = await get(`tasks/${bench.task.id}/remarks/`).catch(() => null);
    if (body) remarks = body.remarks;
    draw();
  };
  // The answer to a save speaks of one thing at once; the whole list follows when the hand rests.
  bench.outbox.on("saved", ({ entry, answer }) => {
    if (!answer?.remarks) return;
    const about = (/** @type {Remark} */ remark) => remark.mask === entry.id || remark.segment === entry.id;
    // What two masks say of each other is told with either of them.
    const told = new Set(answer.remarks.map((/** @type {Remark} */ { frame, message }) => `${frame} ${message}`));
    const stays = (/** @type {Remark} */ remark) => !about(remark) && !told.has(`${remark.frame} ${remark.message}`);
    remarks = [...answer.remarks, ...remarks.filter(stays)];
    draw();
  });
  bench.outbox.on("drained", () => {
    clearTimeout(timer);
    timer = setTimeout(load, 700);
  });
  bench.on("remarks", load);
  bench.on("next-remark", () => {
    if (!remarks.length) return bench.say("Nothing to remark.");
    visited = (visited + 1) % remarks.length;
    jump(bench, remarks[visited]);
    bench.say(remarks[visited].message, "warning");
  });
  stage.addPainter((g) => {
    for (const remark of remarks) if (remark.at && remark.frame === bench.frame) ring(g, stage.hair, remark.at);
  });
  bench.on("remarks-drawn", () => stage.redraw());
  bench.outbox.on("change", draw);
  load();
}

/**
 * @param {Bench} bench
 * @param {Remark[]} remarks
 */
function show(bench, remarks) {
  const errors = remarks.filter((remark) => remark.severity === "error").length;
  const refused = bench.outbox.refusals;
  const badge = byId("remark-badge");
  badge.textContent = String(remarks.length + refused.length);
  badge.dataset.tone = errors || refused.length ? "error" : remarks.length ? "warning" : "none";
  byId("remark-count").textContent = String(remarks.length + refused.length);
  const rows = [...refused.map((entry) => refusal(bench, entry)), ...remarks.map((remark) => row(bench, remark))];
  if (!rows.length) rows.push(el("p", { class: "empty" }, "Nothing to remark."));
  byId("remarks").replaceChildren(...rows);
  bench.emit("remarks-drawn");
}

/**
 * Round the place that a remark is about.
 *
 * @param {CanvasRenderingContext2D} g
 * @param {number} hair
 * @param {[number, number]} at
 */
function ring(g, hair, [x, y]) {
  for (const [colour, width] of /** @type {[string, number][]} */ ([
    ["rgb(0 0 0 / 70%)", 4],
    ["#f0b952", 2],
  ])) {
    g.beginPath();
    g.arc(x + 0.5, y + 0.5, RING * hair, 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = width * hair;
    g.stroke();
  }
}

/**
 * @param {Bench} bench
 * @param {import("../../models/outbox.js").Entry} entry
 */
function refusal(bench, entry) {
  return el(
    "div",
    { class: "row remark error" },
    el(
      "span",
      { class: "row-name" },
      icon("circle-alert"),
      el("span", { class: "grow" }, `Not saved: ${entry.refused}`),
    ),
    iconButton("x", "Give this change up and reload the page", async () => {
      await bench.outbox.discard(entry.id);
      location.reload();
    }),
  );
}

/**
 * @param {Bench} bench
 * @param {Remark} remark
 */
function row(bench, remark) {
  const error = remark.severity === "error";
  return el(
    "div",
    { class: `row remark ${error ? "error" : "warning"}` },
    el(
      "button",
      { type: "button", class: "row-name", onclick: () => jump(bench, remark) },
      icon(error ? "circle-alert" : "triangle-alert"),
      el("span", { class: "grow" }, remark.message),
    ),
  );
}

/**
 * @param {Bench} bench
 * @param {Remark} remark
 */
function jump(bench, remark) {
  const segment = remark.segment ? bench.work.get("segments", remark.segment) : undefined;
  const frame = remark.frame ?? segment?.start;
  if (frame !== undefined && frame !== null) bench.player.go(frame);
  if (segment) bench.select("segments", segment.id);
  else if (remark.track) bench.select("tracks", remark.track);
}
