/** What is on the bench: the task, its work, what is selected, and the one way in which work is changed. */

import { Activity } from "../models/activity.js";
import { Emitter } from "../models/emitter.js";
import { Raster } from "../models/raster.js";
import { Recent } from "../models/recent.js";
import { Shown } from "../models/shown.js";
import { SnapTargets } from "../models/snapping.js";
import { framesSaid } from "../models/spoken.js";
import { Tile } from "../models/tile.js";
import { erased, isGone, requestBody, reverse } from "../models/work.js";
import { Carrying } from "./carrying.js";
import { DriftOfTracks } from "./drift_of_tracks.js";
import { layingEdits } from "./mask_edits.js";
import { readOnlyReason } from "./refusals.js";

/** @typedef {import("../models/work.js").Edit} Edit */
/** @typedef {import("../models/work.js").Kind} Kind */
/** @typedef {"tracks" | "segments" | "proposals"} Selectable */
/** @typedef {{track: string, label: string, raster: Raster}} Live a mask while it is being drawn */

/**
 * @typedef {object} Parts
 * @property {any} task as the API gives it
 * @property {import("../models/work.js").Work} work
 * @property {import("../models/proposals.js").ProposalList} proposals
 * @property {import("../models/outbox.js").Outbox} outbox
 * @property {import("../models/history.js").EditHistory} history
 * @property {import("./player.js").Player} player
 * @property {import("./proposal_masks.js").ProposalMasks} proposalMasks
 * @property {import("../models/tool_settings.js").ToolSettings} settings
 */

// Decoded masks are a byte a pixel; this many of 1280 x 720 are 60 MB.
const RASTERS = 64;
// Masks in their boxes, bytes: a thousand objects as large as a hand are 20 MB.
const TILES = 64e6;

export class Bench extends Emitter {
  /** @param {Parts} parts */
  constructor({ task, work, proposals, outbox, history, player, proposalMasks, settings }) {
    super();
    this.task = task;
    this.clip = task.clip;
    this.work = work;
    this.proposals = proposals;
    this.outbox = outbox;
    this.player = player;
    this.proposalMasks = proposalMasks;
    this.history = history;
    this.settings = settings;
    this.activity = new Activity();
    /** @type {import("../models/lease.js").Lease | null} while the task is in these hands */
    this.lease = null;
    /** @type {{kind: Selectable, id: string | number} | null} */
    this.selection = null;
    /** @type {Set<string>} tracks or segments chosen beside the selected one */
    this.also = new Set();
    /** The row that new segments go to. */
    this.row = "primitive";
    /** A segment that was begun and whose end is still looked for. @type {string | null} */
    this.begun = null;
    /** What the motion does: where boundaries may belong. */
    this.moments = new SnapTargets([]);
    /** Whether strokes go to the whole object, hidden parts included, and not to what is seen of it. */
    this.whole = false;
    const kept = `loupe shown ${task.id}`;
    this.shown = new Shown({
      read: () => localStorage.getItem(kept),
      write: (text) => localStorage.setItem(kept, text),
    });
    /** @type {Live | null} */
    this.live = null;
    this.brushSize = 12;
    /** The size of the tool in hand, px. */
    this.sizeShown = () => this.brushSize;
    this.readOnly = task.editable ? "" : readOnlyReason(task);
    this.labels = task.taxonomy.labels.filter((/** @type {any} */ label) => !label.retired);
    this.label = this.labels[0]?.key ?? "";
    /** @type {Map<string, any>} */
    this.terms = new Map();
    for (const [group, terms] of Object.entries(task.taxonomy)) {
      if (Array.isArray(terms)) for (const term of terms) this.terms.set(`${group}/${term.key}`, term);
    }
    /** @type {Recent<string, Raster>} */
    this.rasters = new Recent(RASTERS);
    /** @type {Recent<string, Tile>} */
    this.tiles = new Recent(TILES, ({ bits }) => 200 + bits.length);
    work.on("change", (detail) => this.emit("work", detail));
    /** @type {any[]} what the checks found in this clip */
    this.flags = [];
    /** @type {import("./remark_places.js").Remark[]} what Tier 1 says of the task, errors first */
    this.remarks = [];
    /** @type {import("./grammar_watch.js").OfSegment[]} what the grammar says of the segments on this screen */
    this.remarksOfSegments = [];
    this.drift = new DriftOfTracks(this);
    this.carrying = new Carrying(this);
    player.on("frame", (frame) => this.emit("frame", frame));
    this.shown.on("change", () => this.emit("shown"));
  }

  get frame() {
    return this.player.frame;
  }

  /** @param {string} key */
  colourOf(key) {
    return this.terms.get(`labels/${key}`)?.colour ?? "#9a9a9a";
  }

  /** @param {string} key */
  actionColour(key) {
    return this.terms.get(`actions/${key}`)?.colour ?? "#8a8a8a";
  }

  /**
   * @param {string} message a sentence
   * @param {"info" | "warning" | "error"} [tone]
   */
  say(message, tone = "info") {
    this.emit("notice", { message, tone });
  }

  /** @param {string} reason */
  close(reason) {
    this.readOnly = reason;
    this.live = null;
    this.emit("readonly", reason);
  }

  /** Whether work may be changed on this frame; says why not. @param {number} [frame] */
  mayWrite(frame) {
    if (this.readOnly) this.say(this.readOnly, "warning");
    else if (frame !== undefined && (frame < this.task.start || frame >= this.task.end)) {
      this.say(`Frame ${frame} is not in this task, which has ${framesSaid(this.task.start, this.task.end)}.`);
    } else return true;
    return false;
  }

  // ---- selection

  /**
   * @param {Selectable | null} kind
   * @param {string | number | null} [id]
   */
  select(kind, id = null) {
    const next = kind === null || id === null ? null : { kind, id };
    if (next?.kind === this.selection?.kind && next?.id === this.selection?.id && !this.also.size) return;
    this.selection = next;
    this.also.clear();
    if (next?.id !== this.begun) this.begun = null;
    this.row = this.segment?.level ?? this.row;
    if (kind === "tracks") this.label = this.track?.label ?? this.label;
    this.emit("selection");
  }

  get track() {
    const track = this.selection?.kind === "tracks" ? this.work.get("tracks", String(this.selection.id)) : undefined;
    return isGone("tracks", track) ? undefined : track;
  }

  /**
   * Choose a thing beside the selected one, or no longer.
   *
   * @param {string} id
   * @param {"tracks" | "segments"} [kind]
   */
  selectAlso(id, kind = "tracks") {
    const first = kind === "tracks" ? this.track : this.segment;
    if (!first) this.select(kind, id);
    else if (id !== first.id && !this.also.delete(id)) this.also.add(id);
    else if (id === first.id && kind === "segments") this.selectSegments([...this.also]);
    this.emit("selection");
  }

  /** The selected segments; the one that the panel shows comes first. */
  get segments() {
    const { segment } = this;
    const others = segment ? [...this.also].map((id) => this.work.get("segments", id)) : [];
    return segment ? [segment, ...others.filter((one) => !isGone("segments", one))] : [];
  }

  /** @param {string[]} ids the first is the one that the panel shows */
  selectSegments([first, ...others]) {
    this.select("segments", first ?? null);
    this.also = new Set(first ? others : []);
    if (others.length) this.emit("selection");
  }

  /** @param {string} row */
  useRow(row) {
    this.row = row;
    this.emit("selection");
  }

  /** @param {boolean} whole */
  drawWhole(whole) {
    this.whole = whole && Boolean(this.task.amodal);
    this.emit("tools");
  }

  get segment() {
    const segment =
      this.selection?.kind === "segments" ? this.work.get("segments", String(this.selection.id)) : undefined;
    return isGone("segments", segment) ? undefined : segment;
  }

  get proposal() {
    return this.selection?.kind === "proposals" ? this.proposals.get(Number(this.selection.id)) : undefined;
  }

  /** Begin the next object of the same label; the tool stays armed. */
  nextObject() {
    if (this.track) this.label = this.track.label;
    this.select(null);
    this.say(`The next stroke begins a new ${this.label}.`);
  }

  /** @param {string} key label for what is selected, or for what is drawn next */
  setLabel(key) {
    this.label = key;
    const { track, proposal } = this;
    if (track && track.label !== key && this.mayWrite()) {
      this.commit(`Relabel object ${track.number}`, [
        { kind: "tracks", id: track.id, before: track, after: { ...track, label: key } },
      ]);
    } else if (proposal?.kind === "mask_track") {
      this.proposals.relabel(proposal.id, key);
      this.emit("proposals");
    }
    this.emit("label");
  }

  // ---- masks as pixels

  /** @param {{id: string, counts: string | null}} mask @returns {Raster} shared: copy it before changing it */
  rasterOf({ id, counts }) {
    const { width, height } = this.clip;
    return this.rasters.get(`${id} ${counts}`, () =>
      counts ? Raster.fromCounts(counts, width, height) : new Raster(width, height),
    );
  }

  /** The same for looking at: its box alone. @param {{counts: string | null}} mask @returns {Tile} */
  tileOf({ counts }) {
    const { width, height } = this.clip;
    return this.tiles.get(counts ?? "", () => Tile.fromCounts(counts ?? "", width, height));
  }

  /**
   * The topmost thing under a picture point.
   *
   * @param {number} x
   * @param {number} y
   * @returns {{kind: Selectable, id: string | number} | null}
   */
  pick(x, y) {
    const [px, py] = [Math.floor(x), Math.floor(y)];
    for (const mask of this.work.masksOn(this.frame).reverse()) {
      const { track } = mask;
      if (this.shown.isHidden(track) || this.shown.isLocked(track)) continue;
      if (this.tileOf(mask).has(px, py)) return { kind: "tracks", id: track };
    }
    for (const proposal of this.proposals.masksOn(this.frame)) {
      const counts = this.proposalMasks.maskOf(proposal.id, this.frame);
      if (counts && this.tileOf({ counts }).has(px, py)) {
        return { kind: "proposals", id: proposal.id };
      }
    }
    return null;
  }

  // ---- changes

  /**
   * Change the work: at once on the screen, then on its way to the server, and undoable.
   *
   * @param {string} title what it does, for the undo button
   * @param {Edit[]} edits
   * @param {import("../models/history.js").Decision | null} [decision] what it decides about a proposal
   */
  commit(title, edits, decision = null) {
    if (!edits.length || !this.mayWrite() || this.#touchesLocked(edits)) return false;
    this.history.push(title, edits, decision);
    this.#carryOut(edits);
    return true;
  }

  undo() {
    if (!this.mayWrite()) return;
    const step = this.history.undo();
    if (!step) return;
    this.#carryOut(step.edits.map(reverse).reverse());
    this.emit("undone", step);
    this.say(`Undone: ${lowerFirst(step.title)}.`);
  }

  redo() {
    if (!this.mayWrite()) return;
    const step = this.history.redo();
    if (!step) return;
    this.#carryOut(step.edits);
    this.emit("redone", step);
    this.say(`Done again: ${lowerFirst(step.title)}.`);
  }

  /** Erase what is selected: a segment, or the object's mask on this frame, with its last mask the object. */
  erase() {
    const { segments, track } = this;
    if (segments.length) {
      this.select(null);
      const title = segments.length === 1 ? "Delete segment" : `Delete ${segments.length} segments`;
      this.commit(
        title,
        segments.map((one) => ({ kind: "segments", id: one.id, before: one, after: erased("segments", one) })),
      );
      return;
    }
    if (!track) return;
    const mask = this.work.maskOf(track.id, this.frame);
    const frames = this.work.framesOf(track.id);
    if (!mask || mask.counts === null) {
      this.say(`Object ${track.number} has no mask on this frame; Shift+Del deletes the whole object.`);
    } else if (frames.length === 1) {
      this.eraseTrack(track.id);
    } else {
      this.commit(`Delete the mask of object ${track.number} on frame ${this.frame}`, [
        { kind: "masks", id: mask.id, before: mask, after: erased("masks", mask) },
      ]);
    }
  }

  /** @param {string} id */
  eraseTrack(id) {
    const track = this.work.get("tracks", id);
    if (isGone("tracks", track)) return;
    if (this.track?.id === id) this.select(null);
    this.commit(`Delete object ${track.number}`, [
      { kind: "tracks", id, before: track, after: erased("tracks", track) },
    ]);
  }

  /**
   * Lay a mask on this frame, on a track that is there or a new one; what is in front takes the pixels.
   *
   * @param {import("./mask_edits.js").Wanted & {title: string}} wanted
   * @returns {string} the track
   */
  layMask({ title, ...wanted }) {
    const { id, edits } = layingEdits(this, wanted);
    if (this.commit(title, edits, adjusting(wanted.proposal, wanted.label))) this.select("tracks", id);
    return id;
  }

  /** Whether something is changed of a locked object; says so. @param {Edit[]} edits */
  #touchesLocked(edits) {
    const ids = edits.map(({ kind, id, after }) => (kind === "tracks" ? id : kind === "masks" ? after.track : ""));
    const locked = ids.find((id) => this.shown.isLocked(id));
    if (locked === undefined) return false;
    this.say(
      `Object ${this.work.get("tracks", locked)?.number} is locked; unlock it in the list to change it.`,
      "warning",
    );
    return true;
  }

  /** @param {Edit[]} edits */
  #carryOut(edits) {
    this.emit("history");
    if (!edits.length) return;
    const seconds = this.activity.take();
    this.work.apply(edits);
    const writes = edits.map(({ kind, id, after }, i) => {
      const body = requestBody(kind, after);
      if (kind !== "tracks" && i === edits.length - 1) body.seconds = seconds;
      return { kind, id, body };
    });
    this.outbox.addAll(writes);
  }
}

/** @param {string} title */
const lowerFirst = (title) => title[0].toLowerCase() + title.slice(1);

/**
 * What laying a mask decides about the proposal that it was drawn on.
 *
 * @param {number | null | undefined} proposal
 * @param {string} label
 * @returns {import("../models/history.js").Decision | null}
 */
function adjusting(proposal, label) {
  return proposal ? { proposals: [proposal], verdict: "adjusted", label, made: [] } : null;
}
