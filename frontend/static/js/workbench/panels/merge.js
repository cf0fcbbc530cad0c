/** Two people wrote the same thing: both versions over each other, and a choice. Never a dialog, never a loss. */

import { outline } from "../../models/contour.js";
import { differences } from "../../models/difference.js";
import { legible } from "../../models/keys.js";
import { framesSaid } from "../../models/spoken.js";
import { erased, requestBody } from "../../models/work.js";
import { byId, el } from "../dom.js";

/** @typedef {import("../bench.js").Bench} Bench */
/** @typedef {import("../../models/outbox.js").Conflict} Conflict */
/** @typedef {import("../../models/work.js").Kind} Kind */
/** @typedef {"both" | "mine" | "theirs"} View */

/** @type {[View, string][]} */
const VIEWS = [
  ["both", "Over each other"],
  ["mine", "Mine"],
  ["theirs", "Theirs"],
];

class MergePanel {
  /** @type {View} what is seen of the two */
  #view = "both";
  /** @type {Set<string>} conflicts that were told of */
  #told = new Set();

  /**
   * @param {Bench} bench
   * @param {import("../stage.js").Stage} stage
   * @param {import("../../models/keys.js").KeyTable} keys
   */
  constructor(bench, stage, keys) {
    this.bench = bench;
    this.stage = stage;
    this.keys = keys;
    const add = (
      /** @type {string} */ id,
      /** @type {string} */ title,
      /** @type {string} */ key,
      /** @type {() => void} */ run,
    ) => keys.add({ id, title, group: "Two versions", keys: [key], run });
    add("merge-mine", "Keep mine", "Alt+1", () => this.#choose("mine"));
    add("merge-theirs", "Take theirs", "Alt+2", () => this.#choose("theirs"));
    add("merge-both", "Both versions together", "Alt+3", () => this.#choose("both"));
    add("merge-view", "See mine, theirs, or both over each other", "Alt+0", () => this.#turn());
    bench.outbox.on("conflict", (conflict) => this.#tell(conflict));
    bench.outbox.on("conflict change", () => this.draw());
    bench.on("frame", () => this.draw());
    keys.on("change", () => this.draw());
    stage.addPainter((g) => this.#paint(g));
  }

  draw() {
    const { conflicts } = this.bench.outbox;
    const panel = byId("merge-panel");
    if (panel.hidden && !conflicts.length) return;
    const focused = panel.contains(document.activeElement) ? document.activeElement?.getAttribute("data-does") : null;
    panel.hidden = !conflicts.length;
    byId("merge").replaceChildren(...conflicts.map((conflict, i) => this.#row(conflict, i === 0)));
    const again = focused && panel.querySelector(`[data-does="${focused}"]`);
    if (again instanceof HTMLElement) again.focus();
    this.stage.redraw();
  }

  /** @param {Conflict} conflict */
  #tell(conflict) {
    const about = `${conflict.id} ${conflict.version}`;
    if (this.#told.has(about)) return;
    this.#told.add(about);
    const key = (/** @type {string} */ id) => legible(this.keys.get(id)?.keys[0] ?? "");
    const how = `${key("merge-mine")} keeps yours, ${key("merge-theirs")} takes theirs.`;
    this.bench.say(`${nameOf(this.bench, conflict)}: ${conflict.theirs.author} saved first. ${how}`, "warning");
  }

  // ---- what is seen

  #turn() {
    const at = VIEWS.findIndex(([view]) => view === this.#view);
    this.#see(VIEWS[(at + 1) % VIEWS.length][0]);
  }

  /** @param {View} view */
  #see(view) {
    this.#view = view;
    this.draw();
  }

  /** @param {CanvasRenderingContext2D} g */
  #paint(g) {
    const { bench, stage } = this;
    for (const conflict of bench.outbox.conflicts) {
      if (conflict.kind !== "masks" || conflict.theirs.frame !== bench.frame) continue;
      const sides = /** @type {[View, any, string, number[]][]} */ ([
        ["theirs", conflict.theirs, "--second", [6, 4]],
        ["mine", bench.work.get("masks", conflict.id), "--first", []],
      ]);
      for (const [side, mask, name, dash] of sides) {
        if (!mask?.counts || (this.#view !== "both" && this.#view !== side)) continue;
        const [path, colour] = [pathOf(bench, mask, side), colourCalled(name)];
        g.save();
        g.globalAlpha = 0.35;
        g.fillStyle = colour;
        g.fill(path, "evenodd");
        g.restore();
        stage.outline(g, path, colour, 2.5, dash);
      }
    }
  }

  // ---- the rows

  /** @param {Conflict} conflict @param {boolean} first the one that the keys are about */
  #row(conflict, first) {
    const { bench } = this;
    const isMask = conflict.kind === "masks";
    const elsewhere = isMask && conflict.theirs.frame !== bench.frame;
    const button = (
      /** @type {string} */ does,
      /** @type {string} */ text,
      /** @type {() => void} */ run,
      /** @type {string} */ command = "",
    ) => {
      const key = first && command ? this.keys.get(command)?.keys[0] : undefined;
      return el(
        "button",
        { type: "button", class: "button", "data-does": `${does} ${conflict.id}`, "aria-label": text, onclick: run },
        text,
        key && el("kbd", {}, legible(key)),
      );
    };
    return el(
      "div",
      { class: "conflict", role: "group", "aria-label": nameOf(bench, conflict) },
      el("p", {}, `${nameOf(bench, conflict)}: ${conflict.message}`),
      isMask && this.#views(conflict),
      this.#table(conflict),
      el(
        "div",
        { class: "buttons" },
        elsewhere && button("show", "Show", () => bench.player.go(conflict.theirs.frame)),
        button("mine", "Keep mine", () => keep(bench, conflict, "mine"), "merge-mine"),
        button("theirs", "Take theirs", () => takeTheirs(bench, conflict), "merge-theirs"),
        canUnite(bench, conflict) && button("both", "Both", () => keep(bench, conflict, "both"), "merge-both"),
      ),
    );
  }

  /** @param {Conflict} conflict */
  #views(conflict) {
    const views = VIEWS.map(([view, title]) =>
      el(
        "button",
        {
          type: "button",
          role: "radio",
          class: `view ${view}`,
          "aria-checked": String(this.#view === view),
          "data-does": `see-${view} ${conflict.id}`,
          onclick: () => this.#see(view),
        },
        view === "theirs" ? (conflict.theirs.author ?? title) : title,
      ),
    );
    return el("div", { class: "views", role: "radiogroup", "aria-label": "Show" }, ...views);
  }

  /** @param {Conflict} conflict */
  #table({ kind, id, theirs }) {
    const mine = this.bench.work.get(/** @type {Kind} */ (kind), id);
    const erasedMine = kind === "masks" ? mine?.counts === null : mine?.deleted;
    const named = (/** @type {any} */ side) => ({ ...side, ...namesOfTracks(this.bench, side) });
    const rows = differences(named({ ...mine, deleted: erasedMine }), named(theirs));
    if (!rows.length) return null;
    const head = el("tr", {}, el("td", {}), el("th", {}, "mine"), el("th", {}, theirs.author ?? "theirs"));
    const body = rows.map((row) =>
      el("tr", {}, el("th", {}, row.field), el("td", {}, row.mine), el("td", {}, row.theirs)),
    );
    return el("table", { class: "differences" }, head, ...body);
  }

  /** @param {"mine" | "theirs" | "both"} which of the conflict that stands first */
  #choose(which) {
    const [conflict] = this.bench.outbox.conflicts;
    if (!conflict) this.bench.say("There are no two versions to choose from.");
    else if (which === "theirs") takeTheirs(this.bench, conflict);
    else if (which === "both" && !canUnite(this.bench, conflict)) this.bench.say("Only two masks can be put together.");
    else keep(this.bench, conflict, which);
  }
}

/**
 * @param {Bench} bench
 * @param {import("../stage.js").Stage} stage
 * @param {import("../../models/keys.js").KeyTable} keys
 */
export function bindMerge(bench, stage, keys) {
  new MergePanel(bench, stage, keys).draw();
}

/** @param {string} name of a token of the style sheet */
function colourCalled(name) {
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // A canvas does not know light-dark(); the workbench is dark.
  return value.match(/^light-dark\([^,]+,\s*([^)]+)\)$/)?.[1] ?? value;
}

/**
 * @param {Bench} bench
 * @param {any} mask
 * @param {string} side
 */
function pathOf(bench, mask, side) {
  const raster = bench.rasterOf({ id: `conflict ${side} ${mask.id}`, counts: mask.counts });
  const path = new Path2D();
  for (const ring of outline(raster.bits, raster.width, raster.height, raster.reach)) {
    for (let i = 0; i < ring.length; i += 2) {
      if (i) path.lineTo(ring[i], ring[i + 1]);
      else path.moveTo(ring[0], ring[1]);
    }
    path.closePath();
  }
  return path;
}

/**
 * @param {Bench} bench
 * @param {Conflict} conflict
 */
function nameOf(bench, { kind, id, theirs }) {
  if (kind === "masks") {
    const track = bench.work.get("tracks", theirs.track);
    return `Mask of object ${track?.number ?? "?"} on frame ${theirs.frame}`;
  }
  return kind === "tracks"
    ? `Object ${bench.work.get("tracks", id)?.number ?? "?"}`
    : `Segment on ${framesSaid(theirs.start, theirs.end)}`;
}

/**
 * @param {Bench} bench
 * @param {Conflict} conflict
 */
function canUnite(bench, { kind, id, theirs }) {
  return kind === "masks" && Boolean(theirs.counts && bench.work.get("masks", id)?.counts);
}

/** Theirs as a state of this screen. @param {Conflict} conflict */
function stateOf({ kind, id, theirs }) {
  const state = { ...theirs, id };
  return theirs.deleted ? erased(/** @type {Kind} */ (kind), state) : state;
}

/**
 * Write over theirs: with mine, or with both together. Undoing it brings theirs back.
 *
 * @param {Bench} bench
 * @param {Conflict} conflict
 * @param {"mine" | "both"} what
 */
function keep(bench, conflict, what) {
  const { id } = conflict;
  const kind = /** @type {Kind} */ (conflict.kind);
  const mine = bench.work.get(kind, id);
  let after = mine;
  if (what === "both") {
    const theirs = bench.rasterOf({ id: `conflict theirs ${conflict.theirs.id}`, counts: conflict.theirs.counts });
    after = { ...mine, counts: bench.rasterOf(mine).copy().unite(theirs).counts };
    bench.work.apply([{ kind, id, before: mine, after }]);
  }
  const title = `${what === "both" ? "Put both versions together" : "Keep mine"}: ${nameOf(bench, conflict)}`;
  bench.history.forget((thing) => thing.id === id);
  bench.history.push(title, [{ kind, id, before: stateOf(conflict), after }]);
  bench.emit("history");
  bench.outbox.resolve(id, requestBody(kind, after));
}

/**
 * @param {Bench} bench
 * @param {Conflict} conflict
 */
function takeTheirs(bench, conflict) {
  const { id } = conflict;
  const kind = /** @type {Kind} */ (conflict.kind);
  bench.work.apply([{ kind, id, before: bench.work.get(kind, id) ?? null, after: stateOf(conflict) }]);
  bench.history.forget((thing) => thing.id === id);
  bench.emit("history");
  bench.outbox.resolve(id, null);
}

/**
 * The objects that a segment is linked with, by what people call them.
 *
 * @param {Bench} bench
 * @param {any} side
 */
function namesOfTracks(bench, side) {
  const name = (/** @type {string | null | undefined} */ id) => {
    const track = id ? bench.work.get("tracks", id) : null;
    return track ? `${track.number} · ${track.label}` : id;
  };
  return { object: name(side?.object), hand: name(side?.hand) };
}
