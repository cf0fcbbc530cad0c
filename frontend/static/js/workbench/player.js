/**
 * Where we are in the clip. The frame it names is the one on screen: a frame that is not decoded yet is waited for,
 * never stood in for by another.
 */

import { Emitter } from "../models/emitter.js";

const PATIENCE = 250; // ms without a new picture after which the clock waits for one
const MOST_LATE = 8; // frames: an older picture than that is not worth showing any more

export class Player extends Emitter {
  /** @type {{time: number, since: number} | null} clip time shown at a moment of the wall clock */
  #clock = null;
  #shownAt = 0;

  /**
   * @param {import("./frames.js").Frames} frames
   * @param {import("../models/timebase.js").Timebase} timebase
   */
  constructor(frames, timebase) {
    super();
    this.frames = frames;
    this.timebase = timebase;
    this.frame = -1;
    this.wanted = 0;
    /** @type {1 | -1} */
    this.direction = 1;
    this.speed = 1;
    /** Frames that are played over and over, once the clock runs inside. @type {{start: number, end: number} | null} */
    this.loop = null;
    frames.on("decoded", (n) => {
      // While playing the clock says what is due.
      if (!this.playing && n === this.wanted) this.#show(n);
      this.emit("buffer");
    });
    frames.on("failed", ({ frame, message }) => {
      if (frame !== this.wanted) return;
      if (this.playing) this.pause();
      this.emit("failed", message);
      setTimeout(() => this.wanted === frame && this.frames.want(frame, this.direction), 2500);
    });
  }

  get playing() {
    return this.#clock !== null;
  }

  /** @param {number} frame */
  go(frame) {
    this.pause();
    this.#turn(this.frames.plan.clamp(frame));
  }

  /** @param {number} by frames, from where we are heading */
  step(by) {
    this.pause();
    this.go(this.wanted + by);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    const { loop } = this;
    if (loop && this.wanted === loop.end - 1) this.#turn(loop.start);
    else if (this.wanted >= this.timebase.count - 1) this.#turn(0);
    this.direction = 1;
    this.#start(this.wanted);
    this.emit("playing");
    this.#turn(this.wanted);
    requestAnimationFrame((now) => this.#tick(now));
  }

  pause() {
    if (!this.#clock) return;
    this.#clock = null;
    // Where the clock stands and where the picture stands may be a dropped frame apart; work is on what is seen.
    if (this.frame >= 0) this.#turn(this.frame);
    this.emit("playing");
  }

  /** @param {number} speed 1 is the source's own */
  setSpeed(speed) {
    if (this.#clock) this.#start(this.wanted);
    this.speed = speed;
    this.emit("speed");
  }

  /** @param {number} frame the clock starts here, now */
  #start(frame) {
    this.#clock = { time: this.timebase.at(frame), since: performance.now() };
    this.#shownAt = this.#clock.since;
  }

  /**
   * The clock goes by the clip's own times. Frames that come too late are dropped and never shown in another's place;
   * when nothing comes for a while the clock waits.
   *
   * @param {number} now
   */
  #tick(now) {
    if (!this.#clock) return;
    const passed = (Math.max(0, now - this.#clock.since) / 1000) * this.speed;
    let target = this.timebase.frameAt(this.#clock.time + passed);
    if (this.#isRound(target)) {
      target = this.loop?.start ?? 0;
      this.#start(target);
    }
    if (target !== this.wanted) this.#turn(target);
    const latest = this.#latest(target);
    if (latest !== null) {
      this.#show(latest);
      this.#shownAt = now;
    } else if (this.frame !== target && now - this.#shownAt > PATIENCE) {
      this.#clock = { time: this.timebase.at(target), since: now };
    }
    if (target >= this.timebase.count - 1 && this.frame === target) this.pause();
    else requestAnimationFrame((next) => this.#tick(next));
  }

  /** Whether the clock has come to the end of what is looped, from inside. @param {number} target */
  #isRound(target) {
    const { loop } = this;
    if (!loop || this.wanted < loop.start || this.wanted >= loop.end) return false;
    return target >= loop.end || (loop.end === this.timebase.count && this.frame === loop.end - 1);
  }

  /** The newest picture that is there and due, if it is newer than the one on screen. @param {number} target */
  #latest(target) {
    // Only a loop leaves the picture ahead of the clock.
    const old = this.frame > target ? (this.loop?.start ?? target) - 1 : this.frame;
    for (let n = target; n > old && n > target - MOST_LATE; n -= 1) if (this.frames.get(n)) return n;
    return null;
  }

  /** @param {number} frame */
  #turn(frame) {
    if (frame !== this.wanted) this.direction = this.playing || frame > this.wanted ? 1 : -1;
    this.wanted = frame;
    this.frames.want(frame, this.direction, this.playing);
    if (!this.playing && this.frames.get(frame)) this.#show(frame);
    this.emit("wanted");
  }

  /** @param {number} frame */
  #show(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.frames.pin(frame);
    this.emit("frame", frame);
  }
}
