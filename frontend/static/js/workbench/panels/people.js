/** Who else has this task or its clip open: names in the top bar, and one sentence when somebody joins. */

import { byId, el } from "../dom.js";

/** @typedef {{name: string, task: number, same_task: boolean, own: boolean}} Other */

const SHOWN = 4; // the others are a number

/** @param {import("../bench.js").Bench} bench */
export function bindPeople(bench) {
  const list = byId("people");
  /** @type {Set<string>} those who were greeted; a connection that broke does not greet them again */
  const greeted = new Set();
  bench.on("people", (/** @type {Other[]} */ people) => {
    list.hidden = !people.length;
    const rest = people.slice(SHOWN);
    list.replaceChildren(
      ...people.slice(0, SHOWN).map(chip),
      ...(rest.length ? [el("li", { class: "number", title: rest.map(sentence).join("\n") }, `+${rest.length}`)] : []),
    );
    for (const other of people.filter(({ same_task }) => same_task)) {
      const who = other.own ? "you" : other.name;
      if (greeted.has(who)) continue;
      greeted.add(who);
      bench.say(
        other.own
          ? "You have this task open in another tab too; what is saved there appears here."
          : `${other.name} has this task open too; what is saved there appears here.`,
      );
    }
  });
}

/** @param {Other} other */
function sentence({ name, task, same_task, own }) {
  if (own) return "You, in another tab";
  return same_task ? `${name} has this task open` : `${name} has task ${task} of this clip open`;
}

/** @param {Other} other */
function chip(other) {
  const name = other.own ? "you" : other.name;
  return el(
    "li",
    { class: other.same_task ? "here" : "near", title: sentence(other), "aria-label": sentence(other) },
    el("span", { class: "initial", "aria-hidden": "true" }, name.slice(0, 1).toUpperCase()),
    el("span", { class: "name", "aria-hidden": "true" }, name),
  );
}
