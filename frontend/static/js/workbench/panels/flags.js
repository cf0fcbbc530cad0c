/** What the cross-layer checks found in this clip, with the evidence drawn over the picture. */

import { get } from "../../api.js";
import { byId, el, icon } from "../dom.js";
import { Interpolating } from "../interpolating.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../stage.js").Stage} Stage */

/**
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {number | null} asked flag that the address names
 */
export async function bindFlags(bench, stage, asked) {
  const viewer = new FlagViewer(bench, stage);
  const isReviewer = document.body.dataset.reviewer === "true";
  const load = async () => {
    /** @type {any[]} */
    const flags = (await get(`tasks/${bench.task.id}/flags/`).catch(() => null)) ?? [];
    // The queue is the reviewers'; an annotator has here what was sent back to them, and mostly nothing.
    byId("flags-panel").hidden = !isReviewer && !flags.length;
    byId("flag-count").textContent = String(flags.length);
    byId("flags").replaceChildren(
      ...(flags.length
        ? flags.map((flag) => row(flag, () => viewer.openById(flag.id)))
        : [el("p", { class: "empty" }, "No open flags on this clip.")]),
    );
    bench.flags = flags;
    bench.emit("flags", flags);
  };
  bench.on("flags-changed", load);
  await load();
  if (asked !== null) await viewer.openById(asked, false);
}

/**
 * @param {any} flag
 * @param {() => void} open
 */
function row(flag, open) {
  return el(
    "div",
    { class: "row remark" },
    el(
      "button",
      { type: "button", class: "row-name", onclick: open },
      icon("flag"),
      el("span", { class: "grow" }, flag.reason),
      el("span", { class: "quiet number" }, String(flag.start)),
    ),
  );
}

/** One flag in the strip over the picture, with its evidence on the frame it is about. */
class FlagViewer {
  /**
   * @param {Bench} bench
   * @param {Stage} stage
   */
  constructor(bench, stage) {
    this.bench = bench;
    this.stage = stage;
    /** @type {any} */
    this.flag = null;
    /** @type {Map<number, ImageBitmap | null>} */
    this.pictures = new Map();
    this.shown = true;
    this.interpolating = new Interpolating(bench, stage, (flag) => {
      this.open(flag, false);
      bench.emit("flags-changed");
    });
    stage.addPainter((g) => {
      const picture = this.flag && this.shown ? this.pictures.get(bench.frame) : null;
      if (picture) g.drawImage(picture, 0, 0, bench.clip.width, bench.clip.height);
    });
    bench.on("frame", () => this.#load());
    byId("evidence-toggle").addEventListener("click", () => {
      this.shown = !this.shown;
      byId("evidence-toggle").setAttribute("aria-pressed", String(this.shown));
      stage.redraw();
    });
    byId("flag-close").addEventListener("click", () => this.close());
  }

  /**
   * @param {number} id
   * @param {boolean} [jump] to its first frame
   */
  async openById(id, jump = true) {
    const flag = await get(`flags/${id}/`).catch(() => null);
    if (flag) this.open(flag, jump);
    else this.bench.say(`Flag ${id} is not there, or it is not yours to see.`, "warning");
  }

  /**
   * @param {any} flag with its evidence
   * @param {boolean} jump
   */
  open(flag, jump) {
    this.flag = flag;
    this.pictures.clear();
    byId("flag-strip").hidden = false;
    byId("flag-reason").textContent = ["open", "sent_back"].includes(flag.state) ? flag.reason : flag.decision;
    this.interpolating.show(flag);
    if (jump) this.bench.player.go(flag.start);
    this.#load();
  }

  close() {
    this.flag = null;
    byId("flag-strip").hidden = true;
    this.interpolating.show(null);
    this.stage.redraw();
  }

  async #load() {
    const { flag } = this;
    const { frame } = this.bench;
    if (!flag || frame < flag.start || frame >= flag.end || this.pictures.has(frame)) return;
    this.pictures.set(frame, null);
    const response = await fetch(`/api/flags/${flag.id}/evidence/${frame}.png`).catch(() => null);
    if (!response?.ok) return;
    this.pictures.set(frame, await createImageBitmap(await response.blob()));
    this.stage.redraw();
  }
}
