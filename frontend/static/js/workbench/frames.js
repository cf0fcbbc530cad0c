/**
 * Pictures around the playhead, by frame number. They are decoded here where the browser can and each can be proven;
 * else they come from the server, quickly first and then, where the playhead rests, to the last bit.
 */

import { Emitter } from "../models/emitter.js";
import { FramePlan } from "../models/frame_plan.js";
import { Decoder } from "./decoder.js";

const AT_ONCE = 6;
const BUDGET = 256 * 1024 ** 2; // bytes of decoded pictures
const PATIENCE = 50; // ms that the decoder has before the server is asked for the frame on screen as well
const REST = 150; // ms without a change of place after which the picture is fetched without loss
const AGAIN = 2000; // ms

/** @typedef {{bitmap: ImageBitmap, exact: boolean, route: "decoder" | "server"}} Held */

export class Frames extends Emitter {
  /** @type {Map<number, Held>} */
  #held = new Map();
  /** @type {Map<number, AbortController>} */
  #loading = new Map();
  /** @type {number[]} */
  #queue = [];
  /** @type {Map<number, number>} failed frames and when to try them again */
  #failed = new Map();
  /** @type {Set<number>} frames that the decoder can't prove */
  #unproven = new Set();
  /** @type {Set<number>} frames to keep */
  #near = new Set();
  /** @type {"opening" | "decoding" | "images"} */
  #state = "opening";
  #shown = -1;
  #late = 0;
  #resting = 0;
  #at = { frame: 0, direction: /** @type {1 | -1} */ (1), playing: false };

  /** @param {{id: number, width: number, height: number, frame_count: number}} clip */
  constructor(clip) {
    super();
    this.clip = clip;
    const room = Math.max(8, Math.min(240, Math.floor(BUDGET / (clip.width * clip.height * 4))));
    const ahead = Math.ceil(room * 0.75);
    this.plan = new FramePlan({ count: clip.frame_count, ahead, behind: room - ahead });
    /** Why pictures come from the server; empty while the browser decodes. */
    this.whyImages = "";
    this.decoder = new Decoder(clip.id);
    this.decoder.on("ready", () => this.#become("decoding"));
    this.decoder.on("unable", (reason) => this.#become("images", reason));
    this.decoder.on("frame", ({ frame, bitmap }) => this.#keep(frame, { bitmap, exact: true, route: "decoder" }));
    this.decoder.on("missed", ({ frame }) => this.#near.has(frame) && this.#load(frame));
    this.decoder.on("unproven", ({ frame }) => {
      this.#unproven.add(frame);
      if (this.#near.has(frame)) this.#load(frame);
    });
    this.decoder.open();
  }

  /** @param {number} frame */
  get(frame) {
    return this.#held.get(frame)?.bitmap;
  }

  /** Where the picture came from, and whether it is exact. @param {number} frame */
  about(frame) {
    return this.#held.get(frame);
  }

  get held() {
    return this.#held.keys();
  }

  /** How pictures come: decided once the decoder has answered. */
  get route() {
    return this.#state;
  }

  /**
   * Turn to another place: what is wanted there is fetched, nearest first, what is far is let go.
   *
   * @param {number} frame
   * @param {1 | -1} direction
   * @param {boolean} [playing] frames that have gone by are then not made any more
   */
  want(frame, direction, playing = false) {
    this.#at = { frame, direction, playing };
    for (const far of this.plan.outside(this.#held.keys(), frame, direction)) if (far !== this.#shown) this.#letGo(far);
    const wanted = this.plan.wanted(frame, direction);
    this.#near = new Set(wanted);
    for (const [n, abort] of this.#loading) if (!this.#near.has(n)) abort.abort();
    const gone = (/** @type {number} */ n) => playing && (n - frame) * direction < 0;
    const missing = wanted.filter((n) => !this.#held.has(n) && !gone(n));
    const inexact = wanted.filter((n) => !this.#held.get(n)?.exact && !gone(n) && !this.#unproven.has(n));
    if (this.#state === "images") this.#enqueue(missing);
    else {
      this.decoder.want(inexact);
      this.#enqueue(missing.filter((n) => this.#unproven.has(n)));
    }
    clearTimeout(this.#late);
    if (!this.#held.has(frame)) this.#late = setTimeout(() => this.#help(frame), PATIENCE);
    this.#rest();
  }

  /** @param {"decoding" | "images"} state @param {string} [reason] */
  #become(state, reason = "") {
    this.#state = state;
    this.whyImages = reason;
    this.emit("route", state);
    this.want(this.#at.frame, this.#at.direction, this.#at.playing);
  }

  /** The decoder is late with the frame on screen: the server's picture of it bridges the gap. @param {number} frame */
  #help(frame) {
    if (frame === this.#at.frame && !this.#held.has(frame) && !this.#loading.has(frame)) this.#load(frame);
  }

  /** This one is on screen: it stays until another is, however far the playhead has gone. @param {number} frame */
  pin(frame) {
    const before = this.#shown;
    this.#shown = frame;
    if (before !== frame && !this.#near.has(before)) this.#letGo(before);
  }

  /** @param {number} frame */
  #letGo(frame) {
    this.#held.get(frame)?.bitmap.close();
    this.#held.delete(frame);
  }

  /** @param {number} frame @param {Held} picture */
  #keep(frame, picture) {
    const before = this.#held.get(frame);
    if (!this.#near.has(frame) || (before?.exact && !picture.exact)) {
      picture.bitmap.close();
      return;
    }
    before?.bitmap.close();
    this.#held.set(frame, picture);
    this.#failed.delete(frame);
    this.emit(before ? "sharpened" : "decoded", frame);
    this.#rest();
  }

  // ---- pictures from the server

  /** @param {number[]} frames */
  #enqueue(frames) {
    const now = performance.now();
    this.#queue = frames.filter((n) => !this.#loading.has(n) && (this.#failed.get(n) ?? 0) <= now);
    this.#pump();
  }

  #pump() {
    while (this.#loading.size < AT_ONCE && this.#queue.length) this.#load(/** @type {number} */ (this.#queue.shift()));
  }

  #rest() {
    clearTimeout(this.#resting);
    const { frame, playing } = this.#at;
    const shown = this.#held.get(frame);
    if (playing || !shown || shown.exact) return;
    this.#resting = setTimeout(() => frame === this.#at.frame && this.#load(frame, "png"), REST);
  }

  /** @param {number} frame @param {"jpg" | "png"} [kind] */
  async #load(frame, kind = "jpg") {
    if (this.#loading.has(frame)) return;
    const abort = new AbortController();
    this.#loading.set(frame, abort);
    // Where frames are decoded here the server is not asked for those that follow.
    const alone = kind === "jpg" && this.#state !== "images" ? "?alone=true" : "";
    try {
      const response = await fetch(`/api/clips/${this.clip.id}/frames/${frame}.${kind}${alone}`, {
        signal: abort.signal,
      });
      if (!response.ok) throw new Error(`Frame ${frame} can't be shown: the server answered ${response.status}.`);
      const bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
      this.#loading.delete(frame);
      this.#keep(frame, { bitmap, exact: kind === "png", route: "server" });
    } catch (error) {
      this.#loading.delete(frame);
      // Without its finer version a frame stays as it is.
      if (!abort.signal.aborted && kind === "jpg") {
        this.#failed.set(frame, performance.now() + AGAIN);
        this.emit("failed", {
          frame,
          message: error instanceof TypeError ? "The server can't be reached." : String(error),
        });
      }
    }
    this.#pump();
  }
}
