/** Several objects into one: which frames that is for is asked first, in place. */

import { newId } from "../models/identity.js";
import { mergingEdits } from "../models/merging.js";
import { byId, el } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */

/**
 * @param {Bench} bench
 * @param {import("./stage_input.js").StageInput} input
 */
export function mergeObjects(bench, input) {
  const { track } = bench;
  const under = input.over && bench.pick(input.over.x, input.over.y);
  const others = [...bench.also].filter((id) => !bench.work.get("tracks", id)?.deleted);
  if (!others.length && track && under?.kind === "tracks" && under.id !== track.id) others.push(String(under.id));
  if (!track || !others.length) {
    bench.say("Select an object, then Shift+click those that are the same thing, or point at one; then merge.");
    return;
  }
  if (!bench.mayWrite(bench.frame)) return;
  const locked = [track.id, ...others].find((id) => bench.shown.isLocked(id));
  if (locked) {
    bench.say(
      `Object ${bench.work.get("tracks", locked)?.number} is locked; unlock it in the list to change it.`,
      "warning",
    );
    return;
  }
  ask(bench, track, others);
}

/**
 * @param {Bench} bench
 * @param {import("../models/work.js").Track} track
 * @param {string[]} others
 */
function ask(bench, track, others) {
  const strip = byId("choice");
  const picture = byId("ornaments");
  const { frame, work } = bench;
  const numbers = others.map((id) => work.get("tracks", id)?.number).join(", ");
  const what = `object${others.length > 1 ? "s" : ""} ${numbers} into object ${track.number}`;
  const close = () => {
    strip.hidden = true;
    strip.replaceChildren();
    picture.focus({ preventScroll: true });
  };
  const choice = (/** @type {string} */ title, /** @type {(frame: number) => boolean} */ holds) =>
    el(
      "button",
      {
        type: "button",
        class: "button",
        onclick: () => {
          close();
          merge(bench, track, others, { what, title, holds });
        },
      },
      title,
    );
  strip.replaceChildren(
    el("span", { class: "grow" }, `Merge ${what}:`),
    choice("From this frame on", (each) => each >= frame),
    choice("This frame only", (each) => each === frame),
    choice("All frames", () => true),
    el("button", { type: "button", class: "button", onclick: close }, "Leave it"),
  );
  strip.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  strip.hidden = false;
  /** @type {HTMLElement} */ (strip.querySelector("button")).focus();
}

/**
 * @param {Bench} bench
 * @param {import("../models/work.js").Track} track
 * @param {string[]} others
 * @param {{what: string, title: string, holds: (frame: number) => boolean}} chosen
 */
function merge(bench, track, others, { what, title, holds }) {
  const edits = mergingEdits(bench.work, track.id, others, holds, newId);
  if (!edits.length) {
    bench.say("There is nothing to merge there: the others have no mask on those frames.");
    return;
  }
  const where = title[0].toLowerCase() + title.slice(1);
  if (!bench.commit(`Merge ${what}, ${where}`, edits)) return;
  bench.select("tracks", track.id);
  const frames = new Set(edits.filter(({ kind }) => kind === "masks").map(({ after }) => after.frame));
  bench.say(`Merged ${what} on ${frames.size === 1 ? "1 frame" : `${frames.size} frames`}.`);
}
