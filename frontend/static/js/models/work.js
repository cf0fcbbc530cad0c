/** A task's work as it stands on this screen: tracks, masks and segments, saved or not. Knows no server. */

import { Emitter } from "./emitter.js";

/** @typedef {{id: string, number: number, label: string, z_order: number, deleted?: boolean}} Track */
/**
 * @typedef {object} Mask
 * @property {string} id
 * @property {string} track
 * @property {number} frame
 * @property {string | null} counts null when erased
 * @property {boolean} occluded
 * @property {boolean} [outside] erased because the object is not in the picture
 * @property {boolean} [keyframe] masks are carried from here, and never over it
 * @property {string} [amodal] counts of the whole object, what is hidden included
 * @property {"manual" | "assisted" | "auto" | "propagated" | "interpolated"} method
 * @property {string} engine
 * @property {any[]} [prompts]
 * @property {number | null} [proposal]
 * @property {number | null} [edit_iou]
 * @property {number | null} [edit_boundary] px
 * @property {boolean} [major_edit]
 */
/**
 * @typedef {object} Segment
 * @property {string} id
 * @property {number} start
 * @property {number} end
 * @property {string} level
 * @property {string} action
 * @property {string} phase
 * @property {string | null} [object] the track of what is acted on
 * @property {string} [object_name]
 * @property {string | null} [hand] the track of what acts
 * @property {string} [hand_side] left, right, both
 * @property {string} [outcome] success, failure, recovery
 * @property {string[]} instructions
 * @property {number | null} [confidence]
 * @property {string} method
 * @property {string} engine
 * @property {number | null} [proposal]
 * @property {number | null} [proposal_id] the one that it began from, as the server knows it
 * @property {number | null} [start_shift] s, from the proposal's
 * @property {number | null} [end_shift] s
 * @property {boolean} [deleted]
 */
/** @typedef {"tracks" | "masks" | "segments"} Kind */
/** @typedef {{kind: Kind, id: string, before: any, after: any}} Edit before null: it was not there */

/**
 * @param {Kind} kind
 * @param {any} state
 * @returns {boolean} whether it is not there, or no longer
 */
export function isGone(kind, state) {
  return !state || (kind === "masks" ? state.counts === null : state.deleted === true);
}

/**
 * The same thing, erased: what undoing its creation saves.
 *
 * @param {Kind} kind
 * @param {any} state
 */
export function erased(kind, state) {
  if (kind !== "masks") return { ...state, deleted: true };
  return { ...state, counts: null, ...(state.outside ? { outside: false } : {}) };
}

/**
 * The edit that takes another back.
 *
 * @param {Edit} edit
 * @returns {Edit}
 */
export function reverse({ kind, id, before, after }) {
  // A mask that was erased because the object is outside of the picture is said to be so again.
  return { kind, id, before: after, after: isGone(kind, before) && !before?.outside ? erased(kind, after) : before };
}

const FIELDS = {
  tracks: ["label", "z_order", "deleted"],
  masks: [
    "track",
    "frame",
    "counts",
    "occluded",
    "outside",
    "keyframe",
    "amodal",
    "method",
    "engine",
    "prompts",
    "proposal",
  ],
  segments: [
    "start",
    "end",
    "level",
    "action",
    "phase",
    "object",
    "object_name",
    "hand",
    "hand_side",
    "outcome",
    "instructions",
    "confidence",
    "deleted",
    "method",
    "engine",
    "proposal",
  ],
};

/**
 * What a save of this state sends.
 *
 * @param {Kind} kind
 * @param {any} state
 * @returns {Record<string, any>}
 */
export function requestBody(kind, state) {
  const known = FIELDS[kind].filter((name) => state[name] !== undefined && state[name] !== null);
  const body = Object.fromEntries(known.map((name) => [name, state[name]]));
  if (kind === "masks") body.counts = state.counts;
  return body;
}

const TRUTHS = ["occluded", "outside", "keyframe"];

/**
 * The work as the server sends it in its short form, masks as rows of columns by their tracks, as things.
 *
 * @param {any} body
 * @returns {any}
 */
export function fromRows({ masks: { columns, of }, ...body }) {
  const truths = TRUTHS.map((name) => columns.indexOf(name));
  const things = [];
  for (const [track, rows] of Object.entries(of)) {
    for (const row of rows) {
      for (const i of truths) row[i] = row[i] === 1;
      /** @type {any} */
      const mask = { track };
      for (let i = 0; i < row.length; i += 1) mask[columns[i]] = row[i];
      // An erased mask has no counts; where an object is outside there are none either.
      mask.counts ||= null;
      things.push(mask);
    }
  }
  return { ...body, masks: things };
}

export class Work extends Emitter {
  /** @type {Record<Kind, Map<string, any>>} */
  #things = { tracks: new Map(), masks: new Map(), segments: new Map() };
  /** @type {Map<number, Set<string>>} */
  #onFrame = new Map();
  /** @type {Map<string, Map<number, string>>} masks by track, then frame */
  #ofTrack = new Map();

  /** @param {{tracks?: any[], masks?: any[], segments?: any[]}} body as the server sends it */
  merge(body) {
    for (const kind of /** @type {Kind[]} */ (["tracks", "masks", "segments"])) {
      for (const state of body[kind] ?? []) this.#put(kind, state);
    }
    this.emit("change", { frames: null });
  }

  /** @param {{tracks?: any[], masks?: any[], segments?: any[]}} body */
  replace(body) {
    this.#things = { tracks: new Map(), masks: new Map(), segments: new Map() };
    this.#onFrame.clear();
    this.#ofTrack.clear();
    this.merge(body);
  }

  /** @param {Edit[]} edits */
  apply(edits) {
    const frames = new Set();
    for (const { kind, id, after, before } of edits) {
      if (after) this.#put(kind, { ...after, id });
      if (kind === "masks") frames.add((after ?? before).frame);
    }
    this.emit("change", { frames: edits.some((edit) => edit.kind === "tracks") ? null : frames });
  }

  /**
   * @param {Kind} kind
   * @param {string | null} id
   */
  get(kind, id) {
    return id === null ? undefined : this.#things[kind].get(id);
  }

  /** @returns {Track[]} those that are there, by number */
  get tracks() {
    return [...this.#things.tracks.values()].filter((t) => !t.deleted).sort((a, b) => a.number - b.number);
  }

  /** @returns {Segment[]} those that are there, by start */
  get segments() {
    return [...this.#things.segments.values()].filter((s) => !s.deleted).sort((a, b) => a.start - b.start);
  }

  /** How many there are, erased ones too. */
  countMasks() {
    return this.#things.masks.size;
  }

  get nextNumber() {
    return 1 + Math.max(0, ...[...this.#things.tracks.values()].map((track) => track.number ?? 0));
  }

  /** @param {number} frame @returns {Mask[]} those to be seen, from back to front */
  masksOn(frame) {
    const tracks = this.#things.tracks;
    return [...(this.#onFrame.get(frame) ?? [])]
      .map((id) => this.#things.masks.get(id))
      .filter((mask) => mask.counts !== null && !isGone("tracks", tracks.get(mask.track)))
      .sort((a, b) => {
        const [front, back] = [tracks.get(a.track), tracks.get(b.track)];
        return front.z_order - back.z_order || front.number - back.number;
      });
  }

  /**
   * @param {string} track
   * @param {number} frame
   * @returns {Mask | undefined} the mask, erased or not
   */
  maskOf(track, frame) {
    const id = this.#ofTrack.get(track)?.get(frame);
    return id === undefined ? undefined : this.#things.masks.get(id);
  }

  /** @param {string} track @returns {Mask[]} all of its masks, erased ones too */
  masksOf(track) {
    return [...(this.#ofTrack.get(track)?.values() ?? [])].map((id) => this.#things.masks.get(id));
  }

  /** @param {string} track @returns {number[]} frames on which it has a mask */
  framesOf(track) {
    const found = [...(this.#ofTrack.get(track) ?? [])];
    return found.filter(([, id]) => this.#things.masks.get(id).counts !== null).map(([frame]) => frame);
  }

  /**
   * @param {Kind} kind
   * @param {any} state
   */
  #put(kind, state) {
    if (kind === "tracks") {
      const number = this.#things.tracks.get(state.id)?.number ?? this.nextNumber;
      state = { number, z_order: 0, ...state };
    }
    if (kind === "masks") {
      state = { occluded: false, method: "manual", engine: "", ...state };
      const on = this.#onFrame.get(state.frame) ?? new Set();
      this.#onFrame.set(state.frame, on.add(state.id));
      const of = this.#ofTrack.get(state.track) ?? new Map();
      // A track has one mask on a frame: when the server knows it by another id, that one stands.
      const other = of.get(state.frame);
      if (other && other !== state.id) {
        on.delete(other);
        this.#things.masks.delete(other);
      }
      this.#ofTrack.set(state.track, of.set(state.frame, state.id));
    }
    this.#things[kind].set(state.id, Object.freeze(state));
  }
}
