/** What the cross-layer checks found in this clip, with the evidence drawn over the picture. */

import { get } from "../../api.js";
import { byId, el, icon } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../stage.js").Stage} Stage */

/**
 * @param {Bench} bench
 * @param {Stage} stage
 * @param {number | null} asked flag that the address names
 */
export async function bindFlags(bench, stage, asked) {
  const viewer = new FlagViewer(bench, stage);
  const load = async () => {
    const body = await get(`projects/${bench.task.project}/flags/?clip=${bench.clip.id}&state=open`).catch(() => null);
    const flags = (body?.results ?? []).filter((/** @type {any} */ flag) => !flag.task || flag.task === bench.task.id);
    byId("flag-count").textContent = String(flags.length);
    byId("flags").replaceChildren(
      ...(flags.length
        ? flags.map((/** @type {any} */ flag) => row(flag, () => viewer.open(flag, true)))
        : [el("p", { class: "empty" }, "No open flags on this clip.")]),
    );
    bench.flags = flags;
    bench.emit("flags", flags);
  };
  // The queue of flags is the reviewers'; an annotator comes here by the address of one that is about their work.
  const isReviewer = document.body.dataset.reviewer === "true";
  byId("flags-panel").hidden = !isReviewer;
  if (isReviewer) {
    bench.on("flags-changed", load);
    await load();
  }
  if (asked !== null) {
    const flag = await get(`flags/${asked}/`).catch(() => null);
    if (flag) viewer.open(flag, false);
    else bench.say(`Flag ${asked} is not there, or it is not yours to see.`, "warning");
  }
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
   * @param {any} flag
   * @param {boolean} jump
   */
  open(flag, jump) {
    this.flag = flag;
    this.pictures.clear();
    byId("flag-strip").hidden = false;
    byId("flag-reason").textContent = flag.reason;
    if (jump) this.bench.player.go(flag.start);
    this.#load();
  }

  close() {
    this.flag = null;
    byId("flag-strip").hidden = true;
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
