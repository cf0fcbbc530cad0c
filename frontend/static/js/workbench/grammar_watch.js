/** The grammar of segments, checked with every change: the remarks of it, for the list and the bars. */

import { broken } from "../models/grammar.js";
import { onFrame } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {import("../models/grammar.js").Broken & {frame: number}} OfSegment */

/**
 * Keeps `bench.remarksOfSegments` and tells "segment-remarks" when it changed.
 *
 * @param {Bench} bench
 */
export function watchGrammar(bench) {
  const { timebase } = bench.player;
  const step = bench.clip.fps ? 1 / bench.clip.fps : 0;
  const timeOf = (/** @type {number} */ frame) =>
    frame < timebase.count ? timebase.at(frame) : timebase.at(timebase.count - 1) + step;
  let before = "";
  const check = () => {
    const found = broken(bench.work.segments, bench.task.grammar, timeOf);
    const now = JSON.stringify(found);
    if (now === before) return;
    before = now;
    bench.remarksOfSegments = found.map((each) => ({ ...each, frame: each.start }));
    bench.emit("segment-remarks");
  };
  bench.on("work", onFrame(check));
  check();
}
