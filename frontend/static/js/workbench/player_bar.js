/** Play, step, and where we are. */

import { clock } from "../models/timebase.js";
import { byId, icon } from "./dom.js";

/** @param {import("./bench.js").Bench} bench */
export function bindPlayerBar(bench) {
  const { player } = bench;
  const play = byId("play");
  const field = /** @type {HTMLInputElement} */ (byId("frame-number"));
  field.max = String(bench.clip.frame_count - 1);
  byId("frame-last").textContent = `/ ${bench.clip.frame_count - 1}`;
  play.addEventListener("click", () => player.toggle());
  byId("step-back").addEventListener("click", () => player.step(-1));
  byId("step-on").addEventListener("click", () => player.step(1));
  byId("to-start").addEventListener("click", () => player.go(0));
  byId("to-end").addEventListener("click", () => player.go(bench.clip.frame_count - 1));
  field.addEventListener("change", () => player.go(Number(field.value)));
  field.addEventListener("keydown", (event) => {
    // The hands go back to the keys; leaving the field goes to the frame.
    if (event.key === "Enter") byId("ornaments").focus({ preventScroll: true });
  });
  bench.on("go-to-frame", () => field.select());
  player.on("playing", () => {
    play.replaceChildren(icon(player.playing ? "pause" : "play"));
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
  });
  player.on("frame", (frame) => {
    if (document.activeElement !== field) field.value = String(frame);
    byId("frame-time").textContent = clock(player.timebase.at(frame));
    const inTask = bench.task.start <= frame && frame < bench.task.end;
    byId("frame-note").textContent = !inTask
      ? "outside the task"
      : bench.task.frames.includes(frame)
        ? "must be complete"
        : "";
  });
  player.on("wanted buffer", () => {
    const waiting = player.wanted !== player.frame;
    byId("stage-wait").hidden = !waiting;
    if (waiting) byId("stage-wait").textContent = `Fetching frame ${player.wanted}`;
  });
  player.on("failed", (message) => bench.say(message, "warning"));
}
