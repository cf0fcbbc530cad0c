/** What the engines propose: threshold, accept, reject. */

import { ask, get } from "../../api.js";
import { framesSaid, framesShort } from "../../models/spoken.js";
import { accept, reject } from "../decide.js";
import { byId, el, iconButton, swatch } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */

/** @typedef {import("../../models/proposals.js").Proposal} Proposal */

const KINDS = [
  ["kind mask_track", "masks"],
  ["kind segment", "action segments"],
];

/** @param {Bench} bench */
export function bindProposals(bench) {
  const list = byId("proposals");
  const slider = /** @type {HTMLInputElement} */ (byId("threshold"));
  const kept = document.body.dataset.threshold;
  if (kept) bench.proposals.threshold = Number(kept);
  slider.value = String(bench.proposals.threshold);
  slider.addEventListener("input", () => {
    bench.proposals.threshold = Number(slider.value);
    bench.emit("proposals");
  });
  // Once it is let go of: dragging is one save, and a page that is left a moment later has kept it.
  slider.addEventListener("change", () => keepThreshold(bench));
  const scope = /** @type {HTMLSelectElement} */ (byId("accept-scope"));
  const wanted = () => inScope(bench, bench.proposals.open, scope.value);
  const below = () => inScope(bench, bench.proposals.below, scope.value);
  byId("accept-all").addEventListener("click", () => accept(bench, wanted()));
  byId("reject-below").addEventListener("click", () => reject(bench, below()));
  scope.addEventListener("input", () => bench.emit("proposals"));
  const draw = () => {
    const { open, hidden, threshold } = bench.proposals;
    byId("threshold-value").textContent = threshold.toFixed(2);
    byId("proposal-count").textContent = String(open.length);
    listScopes(bench, scope);
    const at = threshold.toFixed(2);
    several(bench, "accept-all", "Accept", wanted().length, `at ${at} or above`);
    several(bench, "reject-below", "Reject", below().length, `below ${at}`, " below");
    const rows = open.flatMap((proposal) => row(bench, proposal));
    list.replaceChildren(...rows);
    if (!rows.length) list.append(el("p", { class: "empty" }, emptySentence(bench)));
    else if (hidden) list.append(el("p", { class: "empty" }, `${hidden} below ${threshold.toFixed(2)}.`));
  };
  bench.on("proposals selection frame readonly", draw);
  bench.on("clip-changed", () => reload(bench));
  draw();
}

/** With the person, on the server: it is the same on the next machine. @param {Bench} bench */
async function keepThreshold(bench) {
  const body = { threshold: bench.proposals.threshold };
  const { status } = await ask("PUT", "preferences/", { body, keepalive: true });
  if (status !== 200) bench.say("The confidence holds on this page but is not kept: the server can't be reached.");
}

/**
 * A button that decides on many at once, and says on how many.
 *
 * @param {Bench} bench
 * @param {string} id
 * @param {string} verb
 * @param {number} count
 * @param {string} which
 * @param {string} [where] said behind the number
 */
function several(bench, id, verb, count, which, where = "") {
  const button = byId(id);
  button.textContent = `${verb}${count ? ` ${count}` : ""}${where}`;
  button.title = `${verb} what is ${which}`;
  button.toggleAttribute("disabled", !count || Boolean(bench.readOnly));
}

/**
 * Of some proposals those of the whole clip, of this frame, of one kind, or of one label.
 *
 * @param {Bench} bench
 * @param {Proposal[]} some
 * @param {string} scope
 */
function inScope(bench, some, scope) {
  if (scope === "all") return some;
  if (scope === "here") return some.filter(({ start, end }) => start <= bench.frame && bench.frame < end);
  return some.filter(({ kind, label }) => scope === `kind ${kind}` || scope === `label ${label}`);
}

/**
 * @param {Bench} bench
 * @param {HTMLSelectElement} scope
 */
function listScopes(bench, scope) {
  const undecided = [...bench.proposals.open, ...bench.proposals.below];
  const labels = [...new Set(undecided.map(({ label }) => label))].filter(Boolean).sort();
  const kinds = new Set(undecided.map(({ kind }) => kind));
  const shown = [...labels, kinds.size].join();
  if (scope.dataset.labels === shown) return;
  scope.dataset.labels = shown;
  const chosen = scope.value;
  const options = [
    ["all", "everything"],
    ["here", "on this frame"],
    ...(kinds.size > 1 ? KINDS : []),
    ...labels.map((label) => [`label ${label}`, label]),
  ];
  scope.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  scope.value = options.some(([value]) => value === chosen) ? chosen : "all";
}

/** @param {Bench} bench */
function emptySentence(bench) {
  const { all, hidden, threshold } = bench.proposals;
  if (!all.length) return "No proposals for this clip yet; they appear here when a run has made them.";
  if (hidden) return `Nothing at ${threshold.toFixed(2)} or above; ${hidden} below. Move the slider to see them.`;
  return "All proposals are decided.";
}

/** @param {Bench} bench */
async function reload(bench) {
  const body = await get(`tasks/${bench.task.id}/proposals/`).catch(() => null);
  if (!body) return;
  bench.proposals.replace(body.items);
  bench.proposalMasks.forget();
  bench.proposalMasks.want(bench.frame, 1);
  bench.emit("proposals");
}

/**
 * @param {Bench} bench
 * @param {Proposal} proposal
 */
function row(bench, proposal) {
  const isSegment = proposal.kind === "segment";
  const here = proposal.start <= bench.frame && bench.frame < proposal.end;
  const selected = bench.proposal?.id === proposal.id;
  const colour = isSegment ? bench.actionColour(proposal.label) : bench.colourOf(proposal.label);
  const settled = { disabled: Boolean(bench.readOnly) };
  const what = proposal.details?.phase || proposal.label || (isSegment ? "segment" : "no label");
  const line = el(
    "div",
    { class: `row${selected ? " selected" : ""}${here ? "" : " absent"}`, "data-proposal": proposal.id },
    el(
      "button",
      {
        type: "button",
        class: "row-name",
        "aria-pressed": String(selected),
        title: `${named(proposal)}, ${proposal.engine}, ${framesSaid(proposal.start, proposal.end)}`,
        onclick: () => {
          bench.select("proposals", proposal.id);
          if (!here) bench.player.go(proposal.start);
        },
      },
      swatch(colour),
      el("span", { class: "grow" }, isSegment ? `${what} ${framesShort(proposal.start, proposal.end)}` : what),
      el("span", { class: "number" }, proposal.confidence.toFixed(2)),
    ),
    iconButton("check", `Accept ${what} (A)`, () => accept(bench, [proposal]), settled),
    iconButton("x", `Reject ${what} (X)`, () => reject(bench, [proposal]), settled),
  );
  return selected && isSegment ? [line, told(bench, proposal)] : [line];
}

/**
 * What a proposed segment says, in full: class and phase, sentences, engine, confidence.
 *
 * @param {Bench} bench
 * @param {Proposal} proposal
 */
function told(bench, proposal) {
  const { timebase } = bench.player;
  const [from, to] = [timebase.at(proposal.start), timebase.at(proposal.end)].map((at) => at.toFixed(2));
  const sentences = /** @type {string[]} */ (proposal.details?.descriptions ?? []);
  const by = proposal.details?.described_by;
  return el(
    "div",
    { class: "told" },
    el("p", {}, named(proposal)),
    sentences.length > 0 && el("ul", {}, ...sentences.map((text) => el("li", {}, text))),
    sentences.length > 0 && by && el("p", { class: "quiet" }, `Sentences by ${by}`),
    el("p", { class: "quiet number" }, `${from}–${to} s · ${proposal.confidence.toFixed(2)} · ${proposal.engine}`),
  );
}

/** @param {Proposal} proposal */
function named({ kind, label, details }) {
  const words = kind === "segment" ? [details?.level, label || "no class", details?.phase] : [label || "no label"];
  return words.filter(Boolean).join(" · ");
}
