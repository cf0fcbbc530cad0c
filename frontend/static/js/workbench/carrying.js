/** Carrying an object's mask to other frames: asked for, watched as it comes, looked at, taken over or dropped. */

import { ask, get } from "../api.js";
import { newId } from "../models/identity.js";
import { overlap } from "../models/overlap.js";
import { nextOf } from "../models/track_lane.js";

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {{counts: string | null, confidence: number}} Arrived */
/**
 * @typedef {object} Row a propagation, as the API tells it
 * @property {number} id
 * @property {"queued" | "running" | "done" | "cancelled" | "failed"} state
 * @property {string} reason
 * @property {string} track
 * @property {number} frame
 * @property {number} to
 * @property {string} engine
 * @property {number} frames_total
 * @property {number} frames_done
 */

const LOOK = 700; // ms between two looks, should no news come
const SAME = 0.999; // IoU from which a mask counts as unchanged

export class Carrying {
  /** @type {Row | null} what is under way, or waits to be taken over */
  row = null;
  /** @type {Map<number, Arrived>} */
  arrived = new Map();
  /** @type {Map<number, number>} IoU with the mask that stands there, of frames whose mask would change */
  changed = new Map();
  #seq = 0;
  #timer = 0;
  #looking = false;
  #applying = false;

  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
    bench.on("propagation-changed", (id) => {
      if (Number(id) === this.row?.id) this.#look();
    });
  }

  get isRunning() {
    return this.row?.state === "queued" || this.row?.state === "running";
  }

  /** What a lane shows of it. @param {string} track */
  framesOf(track) {
    const mine = this.row?.track === track;
    return { arrived: mine ? this.arrived.keys() : [], changed: mine ? this.changed.keys() : [] };
  }

  /** Take up again what an earlier page began. */
  async restore() {
    const rows = await get(`tasks/${this.bench.task.id}/propagations/`).catch(() => []);
    const open = rows.at(-1);
    if (!open || this.row) return;
    this.#begin(open);
    await this.#look();
  }

  /**
   * Carry the selected object's mask from its nearest keyframe.
   *
   * @param {1 | -1} direction
   * @param {{frames?: number | null, engine?: string}} [wanted] how many frames, null for up to the next keyframe
   */
  async start(direction, { frames = null, engine = "" } = {}) {
    const { bench } = this;
    const { track, task } = bench;
    if (!bench.mayWrite()) return;
    if (!track) return bench.say("Select the object whose mask is to be carried.");
    if (this.isRunning) return bench.say("A mask is being carried already; wait for it, or press Esc to stop it.");
    const source = this.#sourceFor(track.id, direction);
    if (source === undefined) {
      const way = direction === 1 ? "or before it" : "or after it";
      return bench.say(`Object ${track.number} has no keyframe on this frame ${way}: draw a mask, or press K on one.`);
    }
    const end = direction === 1 ? task.end - 1 : task.start;
    const to = frames === null ? end : Math.max(task.start, Math.min(task.end - 1, source + direction * frames));
    if (this.row) await this.discard();
    bench.say("Saving, then carrying the mask…");
    await bench.outbox.drained();
    const headers = { "Idempotency-Key": newId() };
    const body = { track: track.id, frame: source, to, engine };
    const answer = await ask("POST", `tasks/${task.id}/propagations/`, { body, headers });
    if (answer.status !== 201) return this.#refused(answer);
    bench.say("");
    this.#begin(answer.body);
    await this.#look();
  }

  async cancel() {
    if (!this.row || !this.isRunning) return;
    const { status, body } = await ask("POST", `propagations/${this.row.id}/cancel/`);
    if (status === 200 && this.row) this.row = { ...this.row, ...body };
    await this.#look();
  }

  /** Drop what came. */
  async discard() {
    const { row } = this;
    if (!row) return;
    this.#end();
    const answer = await ask("DELETE", `propagations/${row.id}/`);
    if (answer.status > 204 || answer.status === 0) this.#refused(answer);
  }

  /** Make what came masks of the object: one step, which can be undone. */
  async apply() {
    const { bench, row } = this;
    if (!row || this.isRunning || this.#applying || !bench.mayWrite()) return;
    // News of its end may come while it is being taken over; the second time would be refused.
    this.#applying = true;
    const headers = { "Idempotency-Key": newId() };
    const answer = await bench.outbox
      .drained()
      .then(() => ask("POST", `propagations/${row.id}/apply/`, { body: {}, headers }))
      .finally(() => {
        this.#applying = false;
      });
    if (answer.status !== 200) return this.#refused(answer);
    this.#end();
    this.#takeUp(row, answer.body);
  }

  /** @param {1 | -1} direction @returns {boolean} whether there was one */
  goToChange(direction) {
    const next = nextOf(this.changed.keys(), this.bench.player.wanted, direction);
    if (next !== undefined) this.bench.player.go(next);
    return next !== undefined;
  }

  /**
   * @param {string} track
   * @param {1 | -1} direction
   * @returns {number | undefined} the keyframe to carry from: this frame's, or the last one passed
   */
  #sourceFor(track, direction) {
    const { bench } = this;
    const keyframes = bench.work
      .masksOf(track)
      .filter(({ keyframe, counts }) => keyframe && counts !== null)
      .map(({ frame }) => frame);
    return nextOf(keyframes, bench.frame + direction, direction === 1 ? -1 : 1);
  }

  /** @param {Row} row */
  #begin(row) {
    this.row = row;
    this.arrived.clear();
    this.changed.clear();
    this.#seq = 0;
    this.bench.emit("carrying");
  }

  #end() {
    clearTimeout(this.#timer);
    this.row = null;
    this.arrived.clear();
    this.changed.clear();
    this.bench.emit("carrying");
  }

  async #look() {
    const { row } = this;
    if (!row || this.#looking) return;
    clearTimeout(this.#timer);
    this.#looking = true;
    const fresh = await get(`propagations/${row.id}/?after=${this.#seq}`).catch(() => null);
    this.#looking = false;
    if (this.row?.id !== row.id) return;
    if (fresh) this.#take(fresh);
    if (this.isRunning || !fresh) this.#timer = setTimeout(() => this.#look(), LOOK);
    else await this.#ended();
  }

  /** @param {Row & {masks: any[]}} fresh */
  #take({ masks, ...row }) {
    const { bench } = this;
    this.row = row;
    for (const { seq, frame, counts, confidence } of masks) {
      this.#seq = Math.max(this.#seq, seq);
      this.arrived.set(frame, { counts, confidence });
      const stands = bench.work.maskOf(row.track, frame);
      const iou = stands?.counts ? overlap(stands.counts, counts) : 1;
      if (iou < SAME) this.changed.set(frame, iou);
      else this.changed.delete(frame);
    }
    bench.emit("carrying");
  }

  async #ended() {
    const { bench, row } = this;
    if (!row) return;
    if (row.state === "failed") {
      bench.say(`The mask could not be carried: ${row.reason}`, "error");
      await this.discard();
    } else if (!this.arrived.size) {
      bench.say(row.reason || "No frame was reached.");
      await this.discard();
    } else if (!this.changed.size && row.state === "done" && !bench.readOnly) {
      // Nothing stands where it came; there is nothing to compare.
      await this.apply();
    } else {
      bench.emit("carrying");
    }
  }

  /**
   * @param {Row} row
   * @param {{work: any, before: any[], skipped: number[]}} answer
   */
  #takeUp(row, { work, before, skipped }) {
    const { bench } = this;
    const was = new Map(before.map((each) => [each.id, each]));
    /** @type {import("../models/work.js").Edit[]} */
    const edits = work.masks.map((/** @type {any} */ after) => {
      const { version, ...state } = was.get(after.id) ?? { version: 0 };
      return { kind: "masks", id: after.id, before: version ? { ...after, ...state, keyframe: false } : null, after };
    });
    bench.outbox.learn(work.masks);
    bench.work.merge(work);
    const number = bench.work.get("tracks", row.track)?.number;
    if (edits.length) bench.history.push(`Carry object ${number} to ${edits.length} frames`, edits);
    bench.emit("history");
    bench.emit("carried", row.track);
    const kept = skipped.length ? ` ${skipped.length} frames that a person drew were left as they are.` : "";
    const why = row.reason ? ` ${row.reason}` : "";
    bench.say(`Object ${number} was carried to ${edits.length} frames.${kept}${why}`);
  }

  /** @param {{status: number, body: any}} answer */
  #refused({ body }) {
    this.bench.say(body?.error?.message ?? "The server can't be reached; the mask was not carried.", "error");
  }
}
