/** What a screen reader hears of the picture: the frame, and how much is on it. */

import { byId } from "./dom.js";

/** @typedef {import("./bench.js").Bench} Bench */

const RESTS = 400; // ms without a step; nobody wants to hear every frame that plays by

/** @param {Bench} bench */
export function bindAnnouncements(bench) {
  const place = byId("spoken");
  let timer = 0;
  const speak = () => {
    if (bench.player.playing) return;
    const masks = bench.work.masksOn(bench.frame).length;
    const open = bench.proposals.masksOn(bench.frame).length;
    const what = [counted(masks, "mask"), ...(open ? [counted(open, "proposal")] : [])].join(", ");
    place.textContent = `Frame ${bench.frame} of ${bench.clip.frame_count - 1}: ${what}.`;
  };
  bench.on("frame work", () => {
    clearTimeout(timer);
    timer = setTimeout(speak, RESTS);
  });
}

/** @param {number} n @param {string} thing */
const counted = (n, thing) => `${n || "no"} ${thing}${n === 1 ? "" : "s"}`;
