/**
 * Writes on their way to the server, in order, each with a key that makes a retry harmless.
 *
 * A write is durable before it is sent. Its base is the version this screen saw, or the one that the write of the same
 * thing before it makes. While a request is on its way writes gather, and go together in the next one; each keeps its
 * key and gets its own answer. A stale write (412) holds back only the thing it is about, until a person has chosen. A
 * refused one (400, 422) is kept and counted as unsaved, and gives way to the next write of the same thing that is taken.
 */

import { Emitter } from "./emitter.js";
import { newId } from "./identity.js";
import { addressed, HELD, saysNothing, together } from "./outbox_batch.js";
import { Pace } from "./pace.js";
import { sidesAreSame } from "./sameness.js";

/**
 * @typedef {object} Entry
 * @property {number} seq place in the storage; 0 when it could not be stored
 * @property {string} key
 * @property {number} task
 * @property {string} kind tracks, masks, segments or decisions
 * @property {string} id what is written; the key for decisions
 * @property {number | null} base version seen; null: the one that the write before gives
 * @property {Record<string, any>} body
 * @property {string} [refused] why the server would not take it
 */
/** @typedef {Omit<Entry, "seq">} Draft */
/** @typedef {{kind: string, id: string, body: Record<string, any>}} Wanted */
/** @typedef {{status: number, body: any}} Answer status 0: no answer came */
/**
 * @typedef {object} Storage
 * @property {() => Promise<Entry[]>} load in order
 * @property {(drafts: Draft[]) => Promise<number[]>} add in one transaction; resolves to the seqs once it is durable
 * @property {(gone: number[], changed: Entry[]) => Promise<void>} settle in one transaction; what is no longer there
 *   is not put back
 */
/**
 * @typedef {(entries: Entry[]) => Promise<Answer[]>} Send one request, its writes in order, no base of theirs null;
 *   resolves to the answers to the first of them, one at least: what has none is sent again
 */
/** @typedef {{mine: any, theirs: any, id: string, kind: string, version: number, message: string}} Conflict */

export class Outbox extends Emitter {
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Map<string, number>} versions by id, as the server last told */
  #versions = new Map();
  /** @type {Map<string, Conflict>} */
  #conflicts = new Map();
  /** @type {Promise<unknown>} drafts become durable in the order in which they were made */
  #writing = Promise.resolve();
  #adding = 0;
  #running = false;
  /** @type {[string, any][]} what is to be told once it is durable */
  #news = [];
  /** @type {Set<Entry>} */
  #changed = new Set();
  /** @type {Pace} */
  #pace;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {{task: number, storage: Storage, send: Send, pause?: (ms: number) => Promise<void>}} parts
   */
  constructor({ task, storage, send, pause }) {
    super();
    this.task = task;
    this.storage = storage;
    this.send = send;
    this.#pace = new Pace(pause);
    /** @type {"ready" | "offline" | "stopped"} */
    this.state = "ready";
    this.reason = "";
    /** Whether it is known here what an earlier page left behind. */
    this.isRestored = false;
  }

  /** Writes that the server has not acknowledged. */
  get unsaved() {
    return this.#entries.length + this.#adding;
  }

  get conflicts() {
    return [...this.#conflicts.values()];
  }

  get refusals() {
    return this.#entries.filter((entry) => entry.refused);
  }

  /** Whether something unsaved could not be stored here, and would go with the page. */
  get isUnsafe() {
    return this.#entries.some((entry) => !entry.seq);
  }

  /** @param {string} id */
  isPending(id) {
    return this.#entries.some((entry) => entry.id === id);
  }

  /** @param {{id: string, version: number}[]} things */
  learn(things) {
    for (const { id, version } of things) this.#versions.set(id, version);
  }

  /** How many writes an earlier page left behind; they stay where they are. */
  async kept() {
    const kept = await this.storage.load().catch(() => []);
    this.isRestored = true;
    this.emit("change");
    return kept.length;
  }

  /** What an earlier page left behind, oldest first; they are sent from now on. */
  restore() {
    // In turn with what is drawn meanwhile: that is kept after it, and not forgotten over it.
    const reading = this.#writing.then(() => this.#read());
    this.#writing = reading;
    return reading;
  }

  async #read() {
    const kept = await this.storage.load().catch((error) => {
      this.emit("unsafe", error);
      return /** @type {Entry[]} */ ([]);
    });
    this.#entries = kept.map((entry) => ({ ...entry, refused: undefined }));
    this.isRestored = true;
    this.emit("change");
    this.#pump();
    return this.#entries.slice();
  }

  /**
   * @param {string} kind
   * @param {string} id
   * @param {Record<string, any>} body
   */
  add(kind, id, body) {
    return this.addAll([{ kind, id, body }]);
  }

  /**
   * What belongs together is kept together: after a crash there is all of it or nothing.
   *
   * @param {Wanted[]} wanted in the order in which they are to arrive
   */
  addAll(wanted) {
    this.#adding += wanted.length;
    this.emit("change");
    this.#writing = this.#writing.then(() => this.#store(wanted));
    return this.#writing;
  }

  /**
   * Settle a conflict: their state stands, or `body` is written over it.
   *
   * @param {string} id
   * @param {Record<string, any> | null} body null takes theirs
   */
  async resolve(id, body) {
    const conflict = this.#conflicts.get(id);
    if (!conflict) return;
    await this.#drop((entry) => entry.id === id);
    this.#conflicts.delete(id);
    this.#versions.set(conflict.id, conflict.version);
    if (body) await this.add(conflict.kind, conflict.id, body);
    this.emit("change");
    this.#pump();
  }

  /** Give up the writes of a thing that the server refused. @param {string} id */
  async discard(id) {
    await this.#drop((entry) => entry.id === id);
    this.emit("change");
    this.#pump();
  }

  /** Try now: the network is back, or a person asked, who may have logged in again meanwhile. */
  retry() {
    if (this.state === "stopped") this.state = "ready";
    this.#pace.hurry();
    this.#pump();
  }

  /** Send nothing more: the task is no longer in these hands. What is unsaved stays in this browser. @param {string} reason */
  stop(reason) {
    this.state = "stopped";
    this.reason = reason;
    this.emit("change");
  }

  /** Resolves once nothing is left that can be sent; what waits for a person's choice may remain. */
  async drained() {
    await this.#writing;
    while (this.#next().length) await new Promise((done) => this.#waiting.push(() => done(undefined)));
  }

  /** @param {Wanted[]} wanted */
  async #store(wanted) {
    const ahead = new Set(this.#entries.map((entry) => entry.id));
    const drafts = wanted.map(({ kind, id, body }) => {
      const base = ahead.has(id) ? null : (this.#versions.get(id) ?? 0);
      ahead.add(id);
      return { key: newId(), task: this.task, kind, id, base, body };
    });
    /** @type {number[]} */
    let seqs = [];
    try {
      seqs = await this.storage.add(drafts);
    } catch (error) {
      // Better sent without a safety copy than not at all.
      this.emit("unsafe", error);
    }
    /** @type {Entry[]} */
    const late = [];
    drafts.forEach((draft, i) => {
      const entry = { ...draft, seq: seqs[i] ?? 0 };
      // While it was being stored the write before may have been answered.
      if (entry.base === null && !this.#entries.some((other) => other.id === entry.id)) {
        entry.base = this.#versions.get(entry.id) ?? 0;
        late.push(entry);
      }
      this.#entries.push(entry);
    });
    if (late.length) await this.#persist([], late);
    this.#adding -= wanted.length;
    this.emit("change");
    this.#pump();
  }

  /** What goes with the next request. */
  #next() {
    if (this.state === "stopped") return [];
    return together(this.#entries, (entry) => Boolean(entry.refused) || this.#conflicts.has(entry.id), this.#pace.most);
  }

  async #pump() {
    if (this.#running) return;
    this.#running = true;
    for (let batch = this.#next(); batch.length; batch = this.#next()) {
      try {
        await this.#settle(batch, await this.#attempt(batch));
        this.emit("change");
      } catch (error) {
        // Whatever went wrong here, the next write must go out.
        globalThis.reportError?.(error);
        await this.#pace.breathe();
      }
      for (const done of this.#waiting.splice(0)) done();
    }
    this.#running = false;
    if (!this.unsaved) this.emit("drained");
  }

  /** @param {Entry[]} batch @returns {Promise<Answer[]>} to the first of them; none: try again */
  async #attempt(batch) {
    const answers = await this.send(addressed(batch, (id) => this.#versions.get(id) ?? 0));
    const silent = answers.findIndex(saysNothing);
    if (silent !== 0) {
      this.#pace.wentWell();
      if (this.state === "offline") this.state = "ready";
      return silent > 0 ? answers.slice(0, silent) : answers;
    }
    if (this.state !== "stopped") this.state = "offline";
    const { status } = answers[0];
    this.reason = status >= 400 ? `The server answered ${status}.` : "The server can't be reached.";
    this.emit("change");
    await this.#pace.failed();
    return [];
  }

  /**
   * @param {Entry[]} batch
   * @param {Answer[]} answers to the first of them
   */
  async #settle(batch, answers) {
    const before = new Set(this.#entries);
    for (const [i, answer] of answers.entries()) this.#take(batch[i], answer);
    for (const entry of this.#entries) before.delete(entry);
    const changed = [...this.#changed].filter((entry) => !before.has(entry));
    this.#changed.clear();
    const gone = [...before].map(({ seq }) => seq);
    // Sent again after a crash it must be the same request, or its key would be refused.
    await this.#persist(gone, changed);
    this.emitAll(this.#news.splice(0));
  }

  /**
   * @param {Entry} entry
   * @param {Answer} answer
   */
  #take(entry, { status, body }) {
    if (status === HELD) return;
    if (status >= 200 && status < 300) return this.#acknowledge(entry, body);
    if (status === 412) return this.#disagree(entry, body);
    const message = body?.error?.message ?? `The server answered ${status}.`;
    // 404 means the task itself: it went to someone else, and to this person it is not there any more.
    if ([401, 403, 404, 409].includes(status)) {
      this.stop(message);
      this.#news.push(["lost", { status, message }]);
      return;
    }
    entry.refused = message;
    const follower = this.#entries.find((other) => other.id === entry.id && other.base === null);
    if (follower) this.#base(follower, entry.base ?? 0);
    this.#news.push(["refused", entry]);
  }

  /** @param {Entry} entry @param {any} answer */
  #acknowledge(entry, answer) {
    if (typeof answer?.version === "number") this.#versions.set(entry.id, answer.version);
    this.#entries = this.#entries.filter((other) => other !== entry && !(other.refused && other.id === entry.id));
    const follower = this.#entries.find((other) => other.id === entry.id);
    if (follower) this.#base(follower, this.#versions.get(entry.id) ?? 0);
    this.#news.push(["saved", { entry, answer }]);
  }

  /** @param {Entry} entry @param {number} base */
  #base(entry, base) {
    entry.base = base;
    this.#changed.add(entry);
  }

  /** @param {Entry} entry @param {any} answer */
  #disagree(entry, answer) {
    const [mine, theirs] = [answer.mine, answer.theirs];
    if (answer.id && answer.id !== entry.id) this.#rename(entry.id, answer.id);
    const { id, kind } = entry;
    this.#versions.set(id, answer.version);
    if (entry.base === 0 && theirs?.deleted && !mine?.deleted) {
      // It was drawn anew where something had been erased: nobody's work is in the way, so there is nothing to ask.
      Object.assign(entry, { key: newId(), base: answer.version });
      for (const other of this.#entries) if (other.id === id) this.#changed.add(other);
    } else if (this.#didTheSame(entry, mine, theirs)) {
      this.#acknowledge(entry, answer);
    } else {
      const message = answer.error?.message ?? "Someone else saved first.";
      /** @type {Conflict} */
      const conflict = { mine, theirs, id, kind, version: answer.version, message };
      this.#conflicts.set(id, conflict);
      this.#news.push(["conflict", conflict]);
    }
  }

  /**
   * Two erased it, or one pressed the same key in two tabs. A later write of the thing still has to be asked about.
   *
   * @param {Entry} entry
   * @param {any} mine
   * @param {any} theirs
   */
  #didTheSame(entry, mine, theirs) {
    const latest = this.#entries.findLast((other) => other.id === entry.id) === entry;
    return latest && sidesAreSame(/** @type {import("./work.js").Kind} */ (entry.kind), mine, theirs);
  }

  /**
   * The server knows the thing by another id: a track has one mask on a frame.
   *
   * @param {string} from
   * @param {string} to
   */
  #rename(from, to) {
    for (const entry of this.#entries) if (entry.id === from) entry.id = to;
    this.#news.push(["renamed", { from, to }]);
  }

  /** @param {(entry: Entry) => boolean} which */
  async #drop(which) {
    await this.#writing;
    const gone = this.#entries.filter(which);
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    await this.#persist(
      gone.map((entry) => entry.seq),
      [],
    );
  }

  /**
   * @param {number[]} gone
   * @param {Entry[]} changed
   */
  async #persist(gone, changed) {
    const [without, kept] = [gone.filter(Boolean), changed.filter((entry) => entry.seq)];
    if (!without.length && !kept.length) return;
    try {
      await this.storage.settle(without, kept);
    } catch (error) {
      this.emit("unsafe", error);
    }
  }
}
