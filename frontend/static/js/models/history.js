/** Undo and redo, step by step, and what becomes of the steps when the page is loaded again or somebody else was here. */

/** @typedef {import("./work.js").Edit} Edit */
/** @typedef {import("./work.js").Kind} Kind */
/**
 * What a step decided about proposals. The server makes what is accepted, so undoing asks it to take that back.
 *
 * @typedef {object} Decision
 * @property {number[]} proposals
 * @property {"accepted" | "adjusted" | "rejected"} verdict
 * @property {string} label
 * @property {Record<number, string>} [labels] by proposal, where they differ
 * @property {{kind: Kind, id: string}[]} made what the server made of it, once it answered
 */
/**
 * @typedef {object} Step
 * @property {string} title
 * @property {Edit[]} edits
 * @property {Decision | null} decision
 * @property {boolean} undone
 * @property {number} [seq] its place in the storage
 */
/**
 * @typedef {object} StepStorage
 * @property {() => Promise<Step[]>} load in order
 * @property {(step: Step) => Promise<number>} add the seq
 * @property {(gone: number[], changed: Step[]) => Promise<void>} settle
 */
/** @typedef {{kind: Kind, id: string}} Thing */

/** @param {Step} step @returns {Thing[]} */
const thingsOf = ({ edits, decision }) => [...edits, ...(decision?.made ?? [])];

/** @type {WeakMap<Step, number>} */
const weights = new WeakMap();

/** @param {Step} step @returns {number} rough bytes */
function weightOf(step) {
  const known = weights.get(step);
  if (known !== undefined) return known;
  const length = (/** @type {any} */ state) => state?.counts?.length ?? 0;
  const weight = step.edits.reduce((sum, { before, after }) => sum + 200 + length(before) + length(after), 100);
  weights.set(step, weight);
  return weight;
}

/**
 * Undoing makes a new revision; nothing is ever taken back from the server.
 *
 * Steps are whole states, so a step may only be undone while everything it touched is as the steps left it. When a
 * thing came to stand otherwise, every step that touches it goes, and with it every earlier one that shares something
 * with those: going back past them would lose what stands now.
 */
export class EditHistory {
  /** @type {Step[]} */
  #done = [];
  /** @type {Step[]} the next to be done again last */
  #undone = [];
  /** @type {Promise<unknown>} what is stored is stored in order */
  #storing = Promise.resolve();

  /** @param {{storage?: StepStorage | null, limit?: number, weight?: number}} [options] steps and bytes kept */
  constructor({ storage = null, limit = 500, weight = 32e6 } = {}) {
    this.storage = storage;
    this.limit = limit;
    this.weight = weight;
  }

  /** Take up the steps of an earlier page. Without a storage that works, history begins now. */
  async restore() {
    const steps = (await this.storage?.load().catch(() => null)) ?? [];
    this.#done = steps.filter((step) => !step.undone);
    this.#undone = steps.filter((step) => step.undone).reverse();
  }

  /**
   * @param {string} title what the step did, for the button's tooltip
   * @param {Edit[]} edits
   * @param {Decision | null} [decision]
   */
  push(title, edits, decision = null) {
    /** @type {Step} */
    const step = { title, edits, decision, undone: false };
    this.#done.push(step);
    const gone = this.#undone;
    this.#undone = [];
    let weight = this.#done.reduce((sum, each) => sum + weightOf(each), 0);
    while (this.#done.length > this.limit || (weight > this.weight && this.#done.length > 1)) {
      const first = /** @type {Step} */ (this.#done.shift());
      weight -= weightOf(first);
      gone.push(first);
    }
    this.#store(async (storage) => {
      step.seq = await storage.add(step);
    });
    this.#settle(gone, []);
  }

  undo() {
    return this.#turn(this.#done, this.#undone, true);
  }

  redo() {
    return this.#turn(this.#undone, this.#done, false);
  }

  /** The step that undo would take back, or null. */
  get undoable() {
    return this.#done.at(-1)?.title ?? null;
  }

  get redoable() {
    return this.#undone.at(-1)?.title ?? null;
  }

  /**
   * The server answered what it made of an acceptance, or of a part of it.
   *
   * @param {number[]} proposals
   * @param {Thing[]} made
   * @returns {Step | undefined} the step that it was about
   */
  learnMade(proposals, made) {
    const step = [...this.#undone, ...this.#done]
      .reverse()
      .find(({ decision: d }) => d?.verdict === "accepted" && proposals.every((id) => d.proposals.includes(id)));
    if (step?.decision) {
      const ids = new Set(made.map(({ id }) => id));
      const before = step.decision.made.filter(({ id }) => !ids.has(id));
      step.decision.made = [...before, ...made.map(({ kind, id }) => ({ kind, id }))];
      this.#settle([], [step]);
    }
    return step;
  }

  /**
   * Drop the steps that touch these things, and what hangs on them.
   *
   * @param {(thing: Thing) => boolean} touches
   * @returns {number} how many
   */
  forget(touches) {
    const before = this.#done.length + this.#undone.length;
    const gone = [...this.#without("#done", touches), ...this.#without("#undone", touches)];
    this.#settle(gone, []);
    return before - this.#done.length - this.#undone.length;
  }

  /**
   * Drop the steps whose things do not stand as the steps left them.
   *
   * @param {(thing: Thing, expected: any) => boolean} stands whether the thing is in the state that is expected; null:
   *   not there, true: there, in whatever state
   * @returns {{steps: number, things: Thing[]}} what was dropped, and because of what
   */
  reconcile(stands) {
    const things = this.#expected().filter((thing) => !stands(thing, thing.expected));
    const ids = new Set(things.map(({ id }) => id));
    return { steps: ids.size ? this.forget(({ id }) => ids.has(id)) : 0, things };
  }

  /** Resolves when everything is stored. */
  async stored() {
    await this.#storing;
  }

  /** How the steps left the things that they touched. @returns {(Thing & {expected: any})[]} */
  #expected() {
    const left = [
      ...this.#done
        .toReversed()
        .flatMap(({ edits, decision }) => [
          ...edits.toReversed().map(({ kind, id, after }) => ({ kind, id, expected: after })),
          ...(decision?.made ?? []).map((thing) => ({ ...thing, expected: true })),
        ]),
      ...this.#undone
        .toReversed()
        .flatMap(({ edits, decision }) => [
          ...edits.map(({ kind, id, before }) => ({ kind, id, expected: before })),
          ...(decision?.made ?? []).map((thing) => ({ ...thing, expected: null })),
        ]),
    ];
    /** @type {Map<string, Thing & {expected: any}>} the first that is said of a thing is the last that was done to it */
    const last = new Map();
    for (const thing of left) if (!last.has(thing.id)) last.set(thing.id, thing);
    return [...last.values()];
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   * @param {boolean} undone
   */
  #turn(from, to, undone) {
    const step = from.pop();
    if (!step) return undefined;
    step.undone = undone;
    to.push(step);
    this.#settle([], [step]);
    return step;
  }

  /**
   * @param {"#done" | "#undone"} stack
   * @param {(thing: Thing) => boolean} touches
   * @returns {Step[]} those taken out
   */
  #without(stack, touches) {
    const steps = stack === "#done" ? this.#done : this.#undone;
    const tainted = new Set();
    /** @type {Step[]} */
    const gone = [];
    // From now into the past for what is done, and into the future for what is undone: both lie last to first.
    const kept = steps
      .toReversed()
      .filter((step) => {
        const things = thingsOf(step);
        if (!things.some((thing) => tainted.has(thing.id) || touches(thing))) return true;
        for (const { id } of things) tainted.add(id);
        gone.push(step);
        return false;
      })
      .reverse();
    if (stack === "#done") this.#done = kept;
    else this.#undone = kept;
    return gone;
  }

  /**
   * @param {Step[]} gone
   * @param {Step[]} changed
   */
  #settle(gone, changed) {
    if (!gone.length && !changed.length) return;
    this.#store((storage) => {
      const stored = (/** @type {Step} */ step) => step.seq !== undefined;
      return storage.settle(
        gone.filter(stored).map(({ seq }) => Number(seq)),
        changed.filter(stored),
      );
    });
  }

  /** @param {(storage: StepStorage) => Promise<unknown>} write */
  #store(write) {
    const { storage } = this;
    if (!storage) return;
    // A history that can't be stored is one that ends with the page; what was drawn is kept elsewhere.
    this.#storing = this.#storing.then(() => write(storage)).catch(() => undefined);
  }
}
