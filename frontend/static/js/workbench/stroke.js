/** A mask being drawn: what brush, eraser, polygon, centreline and the commands on a mask have in common. */

import { Raster } from "../models/raster.js";
import { decode, pack, unpack } from "../models/rle.js";
import { union } from "../models/runs.js";
import { isWithin, united } from "../models/taking.js";
import { isInFront } from "./mask_edits.js";

/** @typedef {import("../models/raster.js").Point} Point */
/** @typedef {import("../models/rle.js").Box} Box */

export class Stroke {
  /**
   * Begin on the selected object, on the selected proposal, or on a new object.
   *
   * @param {import("./bench.js").Bench} bench
   * @param {0 | 1} value
   * @returns {Stroke | null} null where nothing can be drawn, or there is nothing to erase; it was said why
   */
  static begin(bench, value) {
    if (!bench.mayWrite(bench.frame)) return null;
    if (bench.track && bench.shown.isLocked(bench.track.id)) {
      bench.say(`Object ${bench.track.number} is locked; unlock it in the list to change it.`, "warning");
      return null;
    }
    if (bench.whole && !(bench.track && bench.work.maskOf(bench.track.id, bench.frame)?.counts)) {
      bench.say("Draw what is seen of the object first, then the whole of it.");
      return null;
    }
    const stroke = new Stroke(bench);
    if (value === 0 && stroke.raster.isEmpty) {
      bench.say(bench.track ? "There is no mask of this object on this frame." : "Select the object to erase from.");
      return null;
    }
    bench.live = { track: stroke.track?.id ?? "", label: stroke.label, raster: stroke.raster };
    bench.emit("live", null);
    return stroke;
  }

  /** @param {import("./bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.frame = bench.frame;
    this.track = bench.track;
    this.whole = bench.whole;
    const { proposal } = bench;
    this.proposal = proposal?.kind === "mask_track" ? proposal : undefined;
    const suggested = this.proposal && bench.terms.has(`labels/${this.proposal.label}`) ? this.proposal.label : "";
    this.label = this.track?.label ?? (suggested || bench.label);
    this.mask = this.track ? bench.work.maskOf(this.track.id, this.frame) : undefined;
    const visible = this.mask?.counts ?? (this.proposal && bench.proposalMasks.maskOf(this.proposal.id, this.frame));
    const counts = this.whole ? this.mask?.amodal || visible : visible;
    this.before = counts ?? null;
    this.raster = counts
      ? bench.rasterOf({ id: this.mask?.id ?? `proposal ${this.proposal?.id}`, counts }).copy()
      : new Raster(bench.clip.width, bench.clip.height);
    /** @type {Uint8Array | null} pixels of what is in front, which a stroke does not take */
    this.theirs = this.#theirs();
    /** Whether it would have gained some of those. */
    this.covered = false;
    this.was = this.theirs && this.raster.bits.slice();
  }

  /**
   * @param {Point} from
   * @param {Point} to
   * @param {0 | 1} value
   * @param {{size: number, fromSize?: number}} [tip] the brush's, unless a pen presses
   */
  sweep(from, to, value, { size, fromSize } = { size: this.bench.brushSize }) {
    const shape = this.bench.settings.get("tip");
    this.#show(this.raster.sweep(from, to, size, value, shape, fromSize ?? size));
  }

  /**
   * @param {Point[][]} rings
   * @param {0 | 1} value
   */
  fill(rings, value) {
    this.#show(this.raster.fillRings(rings, value));
  }

  /**
   * @param {Point[]} points
   * @param {number} size
   * @param {0 | 1} value
   */
  chain(points, size, value) {
    this.#show(this.raster.chain(points, size, value));
  }

  /** Go on with other pixels. @param {Raster} raster */
  replace(raster) {
    this.raster = raster;
    if (this.bench.live) this.bench.live.raster = raster;
    this.covered = Boolean(this.theirs && this.was && raster.withhold(raster.reach, this.theirs, this.was));
  }

  /**
   * @param {string} verb for the undo button, like "Brush on"
   * @param {{refines?: boolean}} [how] refines: a better version of what was laid before
   * @returns {boolean} whether anything has changed
   */
  finish(verb, { refines = false } = {}) {
    const { bench, mask, proposal } = this;
    bench.live = null;
    const counts = this.raster.isEmpty ? null : this.raster.counts;
    if (counts === this.before || this.frame !== bench.frame) {
      bench.emit("live", null);
      return false;
    }
    const number = this.track?.number ?? bench.work.nextNumber;
    const title = `${verb} object ${number}, frame ${this.frame}`;
    if (this.whole) return this.#finishWhole(title, counts);
    const fromModel =
      proposal !== undefined || (mask !== undefined && mask.counts !== null && mask.method !== "manual");
    bench.layMask({
      title,
      track: this.track?.id ?? null,
      label: this.label,
      counts,
      method: fromModel ? "assisted" : "manual",
      engine: proposal?.engine ?? (fromModel ? (mask?.engine ?? "") : ""),
      proposal: proposal?.id ?? null,
      refines,
      covered: this.covered,
    });
    if (proposal) {
      bench.proposals.decide(proposal.id, "adjusted");
      bench.emit("proposals");
    }
    // Settled to what was there before, the picture still shows the stroke.
    bench.emit("live", null);
    return true;
  }

  cancel() {
    this.bench.live = null;
    this.bench.emit("live", null);
  }

  /**
   * @param {string} title
   * @param {string | null} counts
   */
  #finishWhole(title, counts) {
    const { bench, mask } = this;
    if (!mask) return false;
    const amodal = united(counts, mask.counts) ?? "";
    if (counts && mask.counts && !isWithin(mask.counts, counts)) {
      bench.say("The whole object holds what is seen of it; that part stays.");
    }
    if (amodal !== mask.amodal) {
      bench.commit(`${title} (whole object)`, [
        { kind: "masks", id: mask.id, before: mask, after: { ...mask, amodal, keyframe: true } },
      ]);
    }
    bench.emit("live", null);
    return true;
  }

  /** @param {Box} dirty */
  #show(dirty) {
    if (this.theirs && this.was && this.raster.withhold(dirty, this.theirs, this.was)) this.covered = true;
    this.bench.emit("live", dirty);
  }

  #theirs() {
    const { bench, track, frame } = this;
    if (this.whole || !bench.settings.get("takes")) return null;
    const front = bench.work
      .masksOn(frame)
      .filter((mask) => mask.track !== track?.id && isInFront(bench, mask.track, track?.id ?? ""));
    if (!front.length) return null;
    const runs = front.map((mask) => unpack(mask.counts ?? "")).reduce(union);
    return decode(pack(runs), bench.clip.width, bench.clip.height).bits;
  }
}
