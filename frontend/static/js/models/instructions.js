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
