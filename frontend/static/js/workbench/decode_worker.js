/**
 * Decodes a clip beside the page. Frames go out by their number in the frame index, and only when the checksum of their
 * planes is the one taken at ingest; what can't be proven is named, and the page asks the server for its picture.
 */

import { crc32 } from "../models/crc32.js";
import { Stretch } from "../models/stretch.js";
import { separateChroma, Turn, YuvToRgb } from "../models/yuv.js";

const MOST_BYTES = 64 * 1024 ** 2; // of coded packets kept
const MOST_WAITING = 12; // packets and pictures on their way through the decoder
const MOST_FAILURES = 3; // stretches in a row
const NEAR = 30; // frames
const STEPS_BACK = 2; // frames before the one on screen that are converted although it is waited for

/** @typedef {{codec: string, description: string, width: number, height: number, rotation: number, layout: string, colour: import("../models/yuv.js").Sums}} Description */

class Decoding {
  /** @type {Set<number>} nearest first */
  #wanted = new Set();
  /** @type {Stretch[]} the one used last is last */
  #stretches = [];
  /** @type {VideoDecoder | null} */
  #decoder = null;
  /** @type {Stretch | null} being decoded */
  #stretch = null;
  #urgent = -1; // the frame to be on screen
  #next = 0; // packet
  #first = 0; // frame: earlier ones lean on packets that the decoder did not get
  #failed = "";
  #failures = 0;
  #running = false;
  /** @type {VideoFrame[]} */
  #decoded = [];
  /** @type {number | null} the frame whose picture is being converted */
  #inHand = null;
  #fetching = { near: 0, abort: new AbortController() };
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} clip @param {Description} stream */
  constructor(clip, stream) {
    this.clip = clip;
    this.stream = stream;
    this.convert = new YuvToRgb(stream.colour);
    this.turn = new Turn(stream.width, stream.height, stream.rotation);
    const { codec, description } = stream;
    /** @type {VideoDecoderConfig} */
    this.config = { codec, codedWidth: stream.width, codedHeight: stream.height };
    if (description) this.config.description = Uint8Array.from(atob(description), (c) => c.charCodeAt(0));
    // Only decoders in software give the same planes everywhere; the checksum would refuse what others round.
    this.config.hardwareAcceleration = "prefer-software";
  }

  async open() {
    const { supported } = await VideoDecoder.isConfigSupported(this.config);
    if (!supported) throw new Error(`This browser does not decode ${this.stream.codec}.`);
  }

  /** @param {number[]} frames missing ones, nearest first */
  want(frames) {
    this.#wanted = new Set(frames);
    this.#urgent = frames[0] ?? -1;
    // Packets that are on their way serve its neighbours too; those of another place nobody waits for any more.
    if (frames.length && Math.abs(frames[0] - this.#fetching.near) > NEAR) this.#fetching.abort.abort();
    this.#wake();
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    for (let target = this.#nearest; target !== undefined; target = this.#nearest) {
      try {
        const stretch = await this.#stretchOf(target);
        if (this.#nearest === target) await this.#decodeTo(target, stretch);
        this.#failures = 0;
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") continue;
        this.#giveUp(target, error instanceof Error ? error.message : String(error));
      }
    }
    this.#running = false;
  }

  /** @returns {number | undefined} */
  get #nearest() {
    return this.#wanted.values().next().value;
  }

  /** @param {number} target @param {string} reason */
  #giveUp(target, reason) {
    this.#stop();
    this.#wanted.delete(target);
    this.#failures += 1;
    postMessage({ type: "missed", frame: target, reason });
    if (this.#failures < MOST_FAILURES) return;
    this.#wanted.clear();
    postMessage({ type: "unable", reason });
  }

  // ---- packets

  /** @param {number} frame */
  async #stretchOf(frame) {
    const known = this.#stretches.findIndex((one) => one.holds(frame));
    let found = this.#stretches[known];
    if (found) this.#stretches.splice(known, 1);
    else {
      this.#fetching = { near: frame, abort: new AbortController() };
      const { signal } = this.#fetching.abort;
      const response = await fetch(`/api/clips/${this.clip}/packets/?frame=${frame}`, { signal });
      if (!response.ok) throw new Error(`The packets of frame ${frame} can't be had: ${response.status}.`);
      found = new Stretch(await response.arrayBuffer());
      if (!found.holds(frame)) throw new Error(`No packet brings frame ${frame}.`);
    }
    this.#stretches.push(found);
    let bytes = this.#stretches.reduce((sum, one) => sum + one.bytes, 0);
    while (bytes > MOST_BYTES && this.#stretches.length > 1) bytes -= this.#stretches.shift()?.bytes ?? 0;
    return found;
  }

  // ---- decoding

  /** @param {number} target @param {Stretch} stretch */
  async #decodeTo(target, stretch) {
    const begin = stretch.beginFor(target);
    if (!this.#canGoOn(target, stretch, begin)) this.#begin(stretch, begin);
    while (this.#nearest === target) {
      if (this.#failed) throw new Error(this.#failed);
      if (this.#next >= stretch.packets.length) {
        await this.#finish();
        if (this.#wanted.has(target)) throw new Error(this.#failed || `Frame ${target} did not come.`);
        return;
      }
      if (this.#queued < MOST_WAITING) this.#feed(stretch);
      else await this.#change();
    }
  }

  /**
   * Going on is cheapest, unless the frame has gone by already, or a later key frame leads to it.
   *
   * @param {number} target @param {Stretch} stretch @param {number} begin packet
   */
  #canGoOn(target, stretch, begin) {
    if (this.#stretch !== stretch || this.#decoder?.state !== "configured" || this.#failed) return false;
    return target >= this.#first && begin <= this.#next && !this.#hasPassed(target);
  }

  /** Bring out what the decoder still holds; after that, decoding begins at a key frame. */
  async #finish() {
    try {
      await this.#decoder?.flush();
    } catch (error) {
      this.#failed ||= String(error);
    }
    while (this.#inHand !== null || this.#decoded.length) await this.#change();
    this.#stretch = null;
  }

  get #queued() {
    return (this.#decoder?.decodeQueueSize ?? 0) + this.#decoded.length + (this.#inHand === null ? 0 : 1);
  }

  /** @type {Set<number>} frames that came out of the decoder since it began */
  #seen = new Set();

  /** @param {number} frame */
  #hasPassed(frame) {
    return this.#seen.has(frame) && frame !== this.#inHand && !this.#decoded.some((one) => one.timestamp === frame);
  }

  /** @param {Stretch} stretch @param {number} begin packet */
  #begin(stretch, begin) {
    this.#stop();
    this.#failed = "";
    this.#stretch = stretch;
    this.#next = begin;
    this.#first = begin ? stretch.frames[begin] : 0;
    const decoder = new VideoDecoder({
      output: (picture) => {
        if (decoder !== this.#decoder) picture.close();
        else this.#receive(picture);
      },
      error: (error) => {
        if (decoder !== this.#decoder) return;
        this.#failed = error.message;
        this.#wake();
      },
    });
    decoder.ondequeue = () => this.#wake();
    decoder.configure(this.config);
    this.#decoder = decoder;
  }

  #stop() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#stretch = null;
    this.#seen.clear();
    for (const picture of this.#decoded) picture.close();
    this.#decoded = [];
  }

  /** @param {Stretch} stretch */
  #feed(stretch) {
    const i = this.#next;
    this.#next += 1;
    const frame = stretch.frames[i];
    const type = stretch.keys[i] ? "key" : "delta";
    // The frame's number stands for its time: the decoder only hands it through.
    const timestamp = frame >= 0 ? frame : -1 - i;
    this.#decoder?.decode(new EncodedVideoChunk({ type, timestamp, data: stretch.packets[i] }));
  }

  /** @param {VideoFrame} picture */
  #receive(picture) {
    const frame = picture.timestamp;
    this.#seen.add(frame);
    // On the way to the frame that somebody waits for, those before it would only hold it up.
    const inTheWay = this.#wanted.has(this.#urgent) && frame < this.#urgent - STEPS_BACK;
    if (frame < this.#first || !this.#wanted.has(frame) || inTheWay) picture.close();
    else if (frame === this.#urgent) this.#decoded.unshift(picture);
    else this.#decoded.push(picture);
    if (this.#inHand === null) this.#convertAll();
    this.#wake();
  }

  async #convertAll() {
    for (let picture = this.#decoded.shift(); picture; picture = this.#decoded.shift()) {
      const frame = picture.timestamp;
      this.#inHand = frame;
      const crc = this.#stretch?.crc.get(frame);
      try {
        if (this.#wanted.has(frame)) await this.#handOut(picture, frame, crc);
      } catch (error) {
        this.#wanted.delete(frame);
        postMessage({ type: "unproven", frame, reason: String(error) });
      }
      picture.close();
      this.#inHand = null;
      this.#wake();
    }
  }

  /** @param {VideoFrame} picture @param {number} frame @param {number | undefined} crc */
  async #handOut(picture, frame, crc) {
    const { width, height, layout } = this.stream;
    const rect = picture.visibleRect;
    if (rect?.width !== width || rect.height !== height) throw new Error("The decoder gives another size.");
    const planes = new Uint8Array(picture.allocationSize());
    await picture.copyTo(planes);
    if (picture.format === "NV12" && layout === "I420") separateChroma(planes, width * height);
    else if (picture.format !== layout) throw new Error(`The decoder gives ${picture.format}.`);
    if (crc32(planes) !== crc) throw new Error("It is not the picture that was taken in.");
    const { turn } = this;
    const image = new ImageData(turn.width, turn.height);
    this.convert.convert(planes, this.stream, turn, new Int32Array(image.data.buffer));
    const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    this.#wanted.delete(frame);
    /** @type {any} */ (globalThis).postMessage({ type: "frame", frame, bitmap }, [bitmap]);
  }

  // ---- waiting

  /** Until something has happened: a packet taken, a picture out, other frames wanted. @returns {Promise<void>} */
  #change() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** @type {Decoding | null} */
let decoding = null;

addEventListener("message", async ({ data }) => {
  if (data.type === "want") decoding?.want(data.frames);
  else if (data.type === "open") {
    try {
      const opened = new Decoding(data.clip, data.stream);
      await opened.open();
      decoding = opened;
      postMessage({ type: "ready" });
    } catch (error) {
      postMessage({ type: "unable", reason: error instanceof Error ? error.message : String(error) });
    }
  }
});
