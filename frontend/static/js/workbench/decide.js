/** Accepting and rejecting proposals. */

import { erased, isGone } from "../models/work.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/proposals.js").Proposal} Proposal */

const MOST = 500; // proposals in one write

/**
 * Take proposals over as they are; the server makes the tracks and segments.
 *
 * @param {Bench} bench
 * @param {Proposal[]} proposals
 */
export function accept(bench, proposals) {
  if (!proposals.length || !bench.mayWrite()) return;
  /** @type {Record<number, string>} */
  const labels = {};
  for (const proposal of proposals) {
    const label = labelFor(bench, proposal);
    if (label !== null) labels[proposal.id] = label;
    else
      bench.say(`Proposal ${proposal.number} suggests no label of this project; choose one with 1-9 first.`, "warning");
  }
  const ids = proposals.map(({ id }) => id).filter((id) => id in labels);
  const different = new Set(Object.values(labels));
  // However many labels there are, it is one decision, and one step to undo.
  if (different.size === 1) decide(bench, ids, "accepted", [...different][0]);
  else if (ids.length) decide(bench, ids, "accepted", "", labels);
}

/**
 * @param {Bench} bench
 * @param {Proposal[]} proposals
 */
export function reject(bench, proposals) {
  if (!proposals.length || !bench.mayWrite()) return;
  decide(
    bench,
    proposals.map((proposal) => proposal.id),
    "rejected",
    "",
  );
}

/** @param {Bench} bench */
export function bindDecisions(bench) {
  const { outbox, proposals } = bench;
  outbox.on("saved", ({ entry, answer }) => {
    if (entry.kind === "decisions") takeUp(bench, entry.body.proposals, answer);
  });
  bench.on("undone", ({ decision }) => {
    if (!decision) return;
    for (const id of decision.proposals) proposals.decide(id, null);
    vanish(bench, decision.made);
    send(bench, decision.proposals, "undecided", "");
    bench.emit("proposals");
  });
  bench.on("redone", ({ decision }) => {
    if (!decision) return;
    for (const id of decision.proposals) proposals.decide(id, decision.verdict);
    // Drawing on a proposal again says by itself that it was adjusted.
    const { proposals: ids, verdict, label, labels } = decision;
    if (verdict !== "adjusted") send(bench, ids, verdict, label, labels);
    bench.emit("proposals");
  });
  outbox.on("refused", (entry) => {
    if (entry.kind !== "decisions") return;
    outbox.discard(entry.id);
    bench.say(entry.refused, "error");
    // The screen was ahead of what was refused; what stands is on the server.
    bench.emit("refetch");
  });
}

/**
 * What the server made of a decision, or took back.
 *
 * @param {Bench} bench
 * @param {number[]} ids proposals
 * @param {any} answer
 */
function takeUp(bench, ids, answer) {
  const made = answer.work;
  bench.outbox.learn([...made.tracks, ...made.masks, ...made.segments, ...answer.erased]);
  vanish(bench, answer.erased);
  const things = [
    ...made.tracks.map((/** @type {any} */ { id }) => ({ kind: "tracks", id })),
    ...made.segments.map((/** @type {any} */ { id }) => ({ kind: "segments", id })),
  ];
  if (!things.length) return;
  bench.work.merge(made);
  const step = bench.history.learnMade(ids, things);
  if (step?.undone) vanish(bench, things);
  else if (things.length === 1) bench.select(things[0].kind, things[0].id);
  else bench.say(`Accepted: ${counted(made.tracks.length, "object")}, ${counted(made.segments.length, "segment")}.`);
}

/**
 * Take things from the screen that the server erases.
 *
 * @param {Bench} bench
 * @param {{kind: import("../models/work.js").Kind, id: string}[]} things
 */
function vanish(bench, things) {
  const edits = things.flatMap(({ kind, id }) => {
    const before = bench.work.get(kind, id);
    return isGone(kind, before) ? [] : [{ kind, id, before, after: erased(kind, before) }];
  });
  if (edits.some(({ id }) => id === bench.selection?.id)) bench.select(null);
  if (edits.length) bench.work.apply(edits);
}

/**
 * @param {Bench} bench
 * @param {number[]} ids
 * @param {"accepted" | "rejected"} verdict
 * @param {string} label
 * @param {Record<number, string>} [labels] by proposal, where they differ
 */
function decide(bench, ids, verdict, label, labels) {
  const next = neighbour(bench, ids);
  for (const id of ids) bench.proposals.decide(id, verdict);
  send(bench, ids, verdict, label, labels);
  const title = `${verdict === "accepted" ? "Accept" : "Reject"} ${counted(ids.length)}`;
  bench.history.push(title, [], { proposals: ids, verdict, label, labels, made: [] });
  bench.emit("history");
  if (bench.proposal && ids.includes(bench.proposal.id)) bench.select(next ? "proposals" : null, next);
  // What many become is made by the server, and takes it a while.
  const said =
    ids.length > 1 && verdict === "accepted" ? "Accepting" : verdict === "accepted" ? "Accepted" : "Rejected";
  bench.say(`${said} ${counted(ids.length)}${said === "Accepting" ? "…" : "."}`);
  bench.emit("proposals");
}

/**
 * @param {Bench} bench
 * @param {number[]} proposals
 * @param {"accepted" | "rejected" | "undecided"} verdict
 * @param {string} label
 * @param {Record<number, string>} [labels] by proposal, where they differ
 */
function send(bench, proposals, verdict, label, labels) {
  // In writes that the server takes at once.
  for (let at = 0; at < proposals.length; at += MOST) {
    const some = proposals.slice(at, at + MOST);
    bench.outbox.add("decisions", `proposals ${some.join(" ")}`, {
      proposals: some,
      verdict,
      label,
      ...(labels ? { labels: Object.fromEntries(some.map((id) => [id, labels[id]])) } : {}),
    });
  }
}

/**
 * The proposal to look at next: the hands stay on A and X.
 *
 * @param {Bench} bench
 * @param {number[]} ids
 */
function neighbour(bench, ids) {
  const open = bench.proposals.open;
  const kind = bench.proposals.get(ids[0])?.kind;
  const here = open.filter((item) => item.kind === kind && (kind === "segment" || covers(item, bench.frame)));
  const at = here.findIndex((item) => ids.includes(item.id));
  return here.slice(at + 1).find((item) => !ids.includes(item.id))?.id ?? null;
}

/**
 * @param {{start: number, end: number}} item
 * @param {number} frame
 */
const covers = (item, frame) => item.start <= frame && frame < item.end;

/** @param {number} n @param {string} [what] */
const counted = (n, what = "proposal") => `${n} ${what}${n === 1 ? "" : "s"}`;

/**
 * @param {Bench} bench
 * @param {Proposal} proposal
 * @returns {string | null}
 */
function labelFor(bench, proposal) {
  const group = proposal.kind === "segment" ? "actions" : "labels";
  if (bench.terms.has(`${group}/${proposal.label}`)) return proposal.label;
  return proposal.kind === "segment" ? "" : null;
}
