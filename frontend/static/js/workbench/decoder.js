/** The page's side of the decoding worker. */

import { ask } from "../api.js";
import { Emitter } from "../models/emitter.js";

/**
 * Decodes one clip in the browser. Emits "ready"; "frame" {frame, bitmap}, exact to the last bit; "missed" and
 * "unproven" {frame, reason}, for now and for good; "unable" with a sentence, after which nothing more comes.
 */
export class Decoder extends Emitter {
  /** @type {Worker | null} */
  #worker = null;

  /** @param {number} clip */
  constructor(clip) {
    super();
    this.clip = clip;
  }

  async open() {
    const script = document.body.dataset.decoder;
    if (!("VideoDecoder" in globalThis) || !script) {
      this.#fail("This browser has no WebCodecs.");
      return;
    }
    const { status, body } = await ask("GET", `clips/${this.clip}/stream/`);
    if (status !== 200 || body.refusal) {
      this.#fail(body?.refusal || "The server does not say how the clip is decoded.");
      return;
    }
    const worker = new Worker(script, { type: "module" });
    this.#worker = worker;
    worker.addEventListener("message", ({ data }) => {
      if (data.type === "unable") this.#fail(data.reason);
      else this.emit(data.type, data);
    });
    worker.addEventListener("error", () => this.#fail("The decoder could not be started."));
    worker.postMessage({ type: "open", clip: this.clip, stream: body });
  }

  /** @param {number[]} frames missing ones, nearest first */
  want(frames) {
    this.#worker?.postMessage({ type: "want", frames });
  }

  /** @param {string} reason */
  #fail(reason) {
    this.#worker?.terminate();
    this.#worker = null;
    this.emit("unable", reason);
  }
}
