/**
 * Writes on their way to the server, in order, each with a key that makes a retry harmless.
 *
 * A write is durable before it is sent. Its base is the version this screen saw; the next write of the same thing
 * waits for its answer and takes that version as its own base. A stale write (412) holds back only the thing it is
 * about, until a person has chosen. A refused one (400, 422) is kept and counted as unsaved, and gives way to
 * the next write of the same thing that is taken.
 */

import { Emitter } from "./emitter.js";
import { newId } from "./identity.js";
import { isSame } from "./sameness.js";

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
/** @typedef {(entry: Entry) => Promise<Answer>} Send */
/** @typedef {{mine: any, theirs: any, id: string, kind: string, version: number, message: string}} Conflict */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;

/**
 * Whether an answer leaves open what became of a write. A success that names no version did not come from the server:
 * a proxy's log-in page says 200 too.
 *
 * @param {Answer} answer
 */
function saysNothing({ status, body }) {
  if (status === 0 || status === 429 || status >= 500) return true;
  const known = body?.version ?? body?.task_version;
  return (status < 400 || status === 412) && typeof known !== "number";
}

/** One side of a stale save as a state on the screen. @param {any} side */
const asState = (side) => (side.deleted ? { ...side, counts: null } : side);

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
  #wait = 0;
  /** @type {(() => void) | null} */
  #wake = null;
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
    this.pause = pause ?? ((ms) => new Promise((done) => setTimeout(done, ms)));
    /** @type {"ready" | "offline" | "stopped"} */
    this.state = "ready";
    this.reason = "";
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
    return (await this.storage.load().catch(() => [])).length;
  }

  /** What an earlier page left behind, oldest first; they are sent from now on. */
  async restore() {
    const kept = await this.storage.load().catch((error) => {
      this.emit("unsafe", error);
      return /** @type {Entry[]} */ ([]);
    });
    this.#entries = kept.map((entry) => ({ ...entry, refused: undefined }));
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
    this.#wait = 0;
    this.#wake?.();
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
    while (this.#next()) await new Promise((done) => this.#waiting.push(() => done(undefined)));
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

  #next() {
    if (this.state === "stopped") return undefined;
    return this.#entries.find((entry) => !entry.refused && !this.#conflicts.has(entry.id));
  }

  async #pump() {
    if (this.#running) return;
    this.#running = true;
    for (let entry = this.#next(); entry; entry = this.#next()) {
      try {
        const answer = await this.#attempt(entry);
        if (answer) await this.#settle(entry, answer);
        this.emit("change");
      } catch (error) {
        // Whatever a listener did wrong, the next write must go out.
        globalThis.reportError?.(error);
        await this.pause(FIRST_WAIT);
      }
      for (const done of this.#waiting.splice(0)) done();
    }
    this.#running = false;
    if (!this.unsaved) this.emit("drained");
  }

  /** @param {Entry} entry @returns {Promise<Answer | null>} null: no answer that says anything, try again */
  async #attempt(entry) {
    if (entry.base === null) entry.base = this.#versions.get(entry.id) ?? 0;
    const answer = await this.send(entry);
    if (!saysNothing(answer)) {
      this.#wait = 0;
      if (this.state === "offline") this.state = "ready";
      return answer;
    }
    if (this.state !== "stopped") this.state = "offline";
    const { status } = answer;
    this.reason = status >= 400 ? `The server answered ${status}.` : "The server can't be reached.";
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2 || FIRST_WAIT);
    this.emit("change");
    // Up to a fifth more or less, so that a room full of browsers does not come back all at once.
    const wait = this.#wait * (0.8 + Math.random() * 0.4);
    await Promise.race([this.pause(wait), new Promise((done) => (this.#wake = () => done(undefined)))]);
    return null;
  }

  /**
   * @param {Entry} entry
   * @param {Answer} answer
   */
  async #settle(entry, { status, body }) {
    if (status >= 200 && status < 300) return this.#acknowledge(entry, body);
    if (status === 412) return this.#disagree(entry, body);
    const message = body?.error?.message ?? `The server answered ${status}.`;
    // 404 means the task itself: it went to someone else, and to this person it is not there any more.
    if ([401, 403, 404, 409].includes(status)) {
      this.stop(message);
      this.emit("lost", { status, message });
      return;
    }
    entry.refused = message;
    const follower = this.#entries.find((other) => other.id === entry.id && other.base === null);
    if (follower) {
      follower.base = entry.base;
      // Sent again after a crash it must be the same request, or its key would be refused.
      await this.#persist([], [follower]);
    }
    this.emit("refused", entry);
  }

  /**
   * @param {Entry} entry
   * @param {any} answer
   */
  async #acknowledge(entry, answer) {
    if (typeof answer?.version === "number") this.#versions.set(entry.id, answer.version);
    const gone = this.#entries.filter((other) => other === entry || (other.refused && other.id === entry.id));
    const follower = this.#entries.find((other) => other.id === entry.id && !gone.includes(other));
    if (follower) follower.base = this.#versions.get(entry.id) ?? 0;
    this.#entries = this.#entries.filter((other) => !gone.includes(other));
    await this.#persist(
      gone.map((other) => other.seq),
      follower ? [follower] : [],
    );
    this.emit("saved", { entry, answer });
  }

  /**
   * @param {Entry} entry
   * @param {any} answer
   */
  async #disagree(entry, answer) {
    const [mine, theirs] = [answer.mine, answer.theirs];
    this.#versions.set(answer.id ?? entry.id, answer.version);
    if (entry.base === 0 && theirs?.deleted && !mine?.deleted) {
      // It was drawn anew where something had been erased: nobody's work is in the way, so there is nothing to ask.
      Object.assign(entry, { key: newId(), base: answer.version });
      if (answer.id && answer.id !== entry.id) this.#rename(entry.id, answer.id);
      const changed = this.#entries.filter((other) => other.id === entry.id);
      await this.#persist([], changed);
      return;
    }
    if (this.#didTheSame(entry, mine, theirs)) {
      if (answer.id && answer.id !== entry.id) this.#rename(entry.id, answer.id);
      await this.#acknowledge(entry, answer);
      return;
    }
    /** @type {Conflict} */
    const conflict = {
      mine,
      theirs,
      id: answer.id ?? entry.id,
      kind: entry.kind,
      version: answer.version,
      message: answer.error?.message ?? "Someone else saved first.",
    };
    if (conflict.id !== entry.id) this.#rename(entry.id, conflict.id);
    this.#conflicts.set(conflict.id, conflict);
    this.emit("conflict", conflict);
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
    const kind = /** @type {import("./work.js").Kind} */ (entry.kind);
    return latest && mine && theirs && isSame(kind, asState(mine), asState(theirs));
  }

  /**
   * The server knows the thing by another id: a track has one mask on a frame.
   *
   * @param {string} from
   * @param {string} to
   */
  #rename(from, to) {
    for (const entry of this.#entries) if (entry.id === from) entry.id = to;
    this.emit("renamed", { from, to });
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
