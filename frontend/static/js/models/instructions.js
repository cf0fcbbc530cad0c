/** Ways to say what happens in a segment, made of its class, phase, object and hand. Suggestions; a person takes them. */

import { plain } from "./grammar.js";

/** @typedef {{key: string, templates?: string[]}} Term */
/**
 * @typedef {object} About what a segment says of itself
 * @property {Term | undefined} action
 * @property {Term | undefined} phase
 * @property {string} object what it is called; empty for nobody said
 * @property {string} hand
 */

const IN_GENERAL = ["{Verb} the {object}", "Use the {hand} to {verb} the {object}", "The {object} is next, {verb} it"];

/** @typedef {import("./proposals.js").Proposal} Proposal */
/** @typedef {{text: string, by: string}} Offer by: the engine that wrote it; empty for the project's templates */

const LEAST_OVERLAP = 0.5; // temporal IoU from which a proposal is about the segment

/**
 * All that may be written, each once: what engines say of the proposal that a segment is about, then templates. Where
 * the segment is of another class or phase than the proposal, the templates go first.
 *
 * @param {About} about
 * @param {string[]} taken instructions that are there
 * @param {Proposal | undefined} proposal the nearest one, see `nearest`
 * @returns {Offer[]}
 */
export function offers(about, taken, proposal) {
  const by = proposal?.details.described_by || proposal?.engine || "";
  const sentences = /** @type {string[]} */ (proposal?.details.descriptions ?? []);
  const said = sentences.map((text) => ({ text, by }));
  const made = suggestions(about, taken).map((text) => ({ text, by: "" }));
  const fits = agree(about.action?.key, proposal?.label) && agree(about.phase?.key, proposal?.details.phase);
  const seen = new Set(taken.map(plain));
  return (fits ? [...said, ...made] : [...made, ...said]).filter(({ text }) => {
    if (seen.has(plain(text))) return false;
    seen.add(plain(text));
    return true;
  });
}

/** Whether two say the same, or one says nothing. @param {string | undefined} one @param {string | undefined} other */
const agree = (one, other) => !one || !other || one === other;

/**
 * The proposed segment of the same level that overlaps most with a segment, decided or not; none below half.
 *
 * @param {{start: number, end: number, level: string}} segment
 * @param {Proposal[]} proposals
 * @returns {Proposal | undefined}
 */
export function nearest(segment, proposals) {
  let best;
  let most = LEAST_OVERLAP;
  for (const proposal of proposals) {
    if (proposal.kind !== "segment" || (proposal.details.level ?? "primitive") !== segment.level) continue;
    const shared = Math.min(segment.end, proposal.end) - Math.max(segment.start, proposal.start);
    const either = Math.max(segment.end, proposal.end) - Math.min(segment.start, proposal.start);
    if (shared / either < most) continue;
    most = shared / either;
    best = proposal;
  }
  return best;
}

/**
 * Sentences that are not there yet, the most fitting first: those of the phase, of the class, then some for any class.
 *
 * @param {About} about
 * @param {string[]} taken instructions that are there
 * @returns {string[]}
 */
export function suggestions({ action, phase, object, hand }, taken) {
  const said = new Set(taken.map(plain));
  const general = action ? IN_GENERAL : [];
  const verb = wordsOf(action?.key ?? "");
  const found = [];
  for (const template of [...(phase?.templates ?? []), ...(action?.templates ?? []), ...general]) {
    const text = template
      .replaceAll("{object}", object || "object")
      .replaceAll("{hand}", hand || "hand")
      .replaceAll("{verb}", verb)
      .replaceAll("{Verb}", verb.charAt(0).toUpperCase() + verb.slice(1));
    if (said.has(plain(text))) continue;
    said.add(plain(text));
    found.push(text);
  }
  return found;
}

/** A key as words. @param {string} key */
export const wordsOf = (key) => key.replace(/[_-]+/g, " ").trim();
