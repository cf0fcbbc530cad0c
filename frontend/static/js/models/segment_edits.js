/**
 * What editing action segments does to them, as edits: boundaries that move alone or together, split, merge, copy.
 *
 * Rows are the two levels. Unless a project allows it, segments of a row do not overlap; an action (primitive level)
 * lies whole inside a task-level segment or outside of all of them, so no task boundary runs through an action.
 */

/** @typedef {import("./work.js").Segment} Segment */
/** @typedef {import("./work.js").Edit} Edit */
/** @typedef {"start" | "end"} End */
/**
 * @typedef {object} Rules
 * @property {{start: number, end: number}} bounds frames of the task
 * @property {(segment: Segment) => boolean} free whether it may overlap others of its row
 * @property {boolean} linked whether boundaries at the same place move together
 */
/** @typedef {{segment: Segment, start: number, end: number}} Change */
/** @typedef {{edits: Edit[], select: string[]}} Plan what to do, and what is selected then */

export const TASK = "task";
export const PRIMITIVE = "primitive";

// What a segment says of what is done; of several that become one the first that says something is heard.
const SAID = /** @type {const} */ (["action", "phase", "object", "object_name", "hand", "hand_side", "outcome"]);

/** An edit that cannot be made; the message is a sentence. */
export class Impossible extends Error {}

/** @param {Segment} segment */
export const nameOf = ({ phase, action }) => [phase, action].filter(Boolean).join(" · ") || "no action";

/**
 * @param {Segment} before
 * @param {Partial<Segment>} fields
 * @returns {Edit}
 */
export function edit(before, fields) {
  // What a person has changed is no longer the machine's alone.
  const method = before.method === "auto" ? "assisted" : before.method;
  return { kind: "segments", id: before.id, before, after: { ...before, method, ...fields } };
}

/**
 * Changes of boundaries as edits, in an order in which no two segments of a row overlap in between.
 *
 * @param {Change[]} changes
 * @returns {Edit[]}
 */
export function boundaryEdits(changes) {
  const moved = changes.filter(({ segment, start, end }) => segment.start !== start || segment.end !== end);
  const growth = (/** @type {Change} */ { segment, start, end }) => end - start - (segment.end - segment.start);
  const right = moved.length > 0 && moved[0].start + moved[0].end > moved[0].segment.start + moved[0].segment.end;
  moved.sort((a, b) => growth(a) - growth(b) || (right ? b.start - a.start : a.start - b.start));
  return moved.map(({ segment, start, end }) => edit(segment, { start, end }));
}

/** One boundary on its way, with all that move along. */
export class BoundaryMove {
  /** @type {[number, number][]} actions through which no task boundary may run */
  #closed = [];

  /**
   * @param {Segment[]} segments those that are there
   * @param {Segment} segment
   * @param {End} which
   * @param {Rules} rules
   */
  constructor(segments, segment, which, rules) {
    this.from = segment[which];
    const others = segments.filter(({ id }) => id !== segment.id);
    const here = (/** @type {Segment} */ { start, end }) => start === this.from || end === this.from;
    /** @type {Segment[]} */
    this.members = [segment, ...(rules.linked ? others.filter(here) : [])];
    this.segment = segment;
    this.which = which;
    this.low = rules.bounds.start;
    this.high = rules.bounds.end;
    for (const member of this.members) this.#keepWhole(member);
    const rest = rules.linked ? others.filter((one) => !here(one)) : others;
    for (const member of this.members)
      if (!rules.free(member))
        this.#keepClear(
          member,
          rest.filter((one) => !rules.free(one)),
        );
    this.#nest(rest);
  }

  /** The nearest boundary to the wanted one at which everything is in order. @param {number} wanted */
  settle(wanted) {
    const inside = Math.max(this.low, Math.min(this.high, wanted));
    const hit = this.#closed.find(([start, end]) => start < inside && inside < end);
    if (!hit) return inside;
    const ends = hit.filter((end) => this.low <= end && end <= this.high);
    return ends.length ? ends.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a)) : this.from;
  }

  /** @param {number} boundary one that is settled @returns {Change[]} the segment itself first */
  at(boundary) {
    return this.members.map((segment) => ({
      segment,
      start: this.#movesStart(segment) ? boundary : segment.start,
      end: this.#movesStart(segment) ? segment.end : boundary,
    }));
  }

  /** @param {Segment} member */
  #movesStart(member) {
    return member === this.segment ? this.which === "start" : member.start === this.from;
  }

  /** A segment keeps a frame at least. @param {Segment} member */
  #keepWhole(member) {
    if (this.#movesStart(member)) this.high = Math.min(this.high, member.end - 1);
    else this.low = Math.max(this.low, member.start + 1);
  }

  /**
   * @param {Segment} member
   * @param {Segment[]} rest
   */
  #keepClear(member, rest) {
    const row = rest.filter(({ level }) => level === member.level);
    if (this.#movesStart(member)) this.#floor(row.map(({ end }) => end).filter((end) => end <= this.from));
    else this.#ceil(row.map(({ start }) => start).filter((start) => start >= this.from));
  }

  /** @param {Segment[]} rest */
  #nest(rest) {
    const actions = this.members.filter(({ level }) => level === PRIMITIVE);
    if (actions.length) {
      const walls = rest.filter(({ level }) => level === TASK).flatMap(({ start, end }) => [start, end]);
      // A wall right here is outside of the action: it stops the boundary on its way out, not on its way in.
      const startsHere = actions.some((member) => this.#movesStart(member));
      const endsHere = actions.some((member) => !this.#movesStart(member));
      this.#floor(walls.filter((wall) => wall < this.from || (wall === this.from && startsHere)));
      this.#ceil(walls.filter((wall) => wall > this.from || (wall === this.from && endsHere)));
    }
    if (this.members.some(({ level }) => level === TASK)) {
      this.#closed = rest.filter(({ level }) => level === PRIMITIVE).map(({ start, end }) => [start, end]);
    }
  }

  /** @param {number[]} limits */
  #floor(limits) {
    this.low = limits.reduce((a, b) => Math.max(a, b), this.low);
  }

  /** @param {number[]} limits */
  #ceil(limits) {
    this.high = limits.reduce((a, b) => Math.min(a, b), this.high);
  }
}

/** Whole segments on their way; a task takes its actions along. */
export class WholeMove {
  /**
   * @param {Segment[]} segments those that are there
   * @param {Segment[]} chosen
   * @param {Rules} rules
   */
  constructor(segments, chosen, rules) {
    const ids = new Set(chosen.map(({ id }) => id));
    for (const task of chosen.filter(({ level }) => level === TASK)) {
      for (const one of segments) if (one.level === PRIMITIVE && lies(one, task)) ids.add(one.id);
    }
    this.members = segments.filter(({ id }) => ids.has(id));
    const rest = segments.filter(({ id }) => !ids.has(id));
    this.least = Math.max(...this.members.map(({ start }) => rules.bounds.start - start));
    this.most = Math.min(...this.members.map(({ end }) => rules.bounds.end - end));
    for (const member of this.members) this.#keepClear(member, rest, rules.free);
  }

  /** The frames nearest to the wanted ones by which all can move. @param {number} wanted */
  settle(wanted) {
    return Math.max(this.least, Math.min(this.most, wanted));
  }

  /** @param {number} by frames @returns {Change[]} */
  at(by) {
    return this.members.map((segment) => ({ segment, start: segment.start + by, end: segment.end + by }));
  }

  /**
   * @param {Segment} member
   * @param {Segment[]} rest
   * @param {Rules["free"]} free
   */
  #keepClear(member, rest, free) {
    for (const one of rest) {
      const { start, end, level } = one;
      // Between an action and a task only the task's boundaries are in the way, from inside as from outside.
      if (level === member.level && (free(member) || free(one))) continue;
      for (const stop of [start, end]) {
        if (stop <= member.start) this.least = Math.max(this.least, stop - member.start);
        if (stop >= member.end) this.most = Math.min(this.most, stop - member.end);
      }
    }
  }
}

/**
 * @param {{start: number, end: number}} inner
 * @param {{start: number, end: number}} outer
 */
const lies = (inner, outer) => outer.start <= inner.start && inner.end <= outer.end;

/**
 * Segments cut in two before a frame; what cannot be cut there is left as it is.
 *
 * @param {Segment[]} segments those that are there
 * @param {Segment[]} chosen
 * @param {number} frame first of the second part
 * @param {() => string} newId
 * @returns {Plan} the second parts are selected
 */
export function split(segments, chosen, frame, newId) {
  const cut = chosen.filter(({ start, end }) => start < frame && frame < end);
  if (!cut.length) {
    throw new Impossible(
      "Go to the frame on which the second part starts: inside of a segment, and not on its first frame.",
    );
  }
  const ids = new Set(cut.map(({ id }) => id));
  for (const { level } of cut) {
    const through = level === TASK && segments.find((one) => one.level === PRIMITIVE && runs(one, frame, ids));
    if (through) {
      throw new Impossible(
        `Frame ${frame} is in the middle of ${nameOf(through)}; a task is split where one of its actions begins.`,
      );
    }
  }
  /** @type {Plan} */
  const plan = { edits: [], select: [] };
  for (const segment of cut) {
    const first = edit(segment, { end: frame });
    const id = newId();
    const after = { .../** @type {Segment} */ (first.after), id, start: frame, end: segment.end, proposal: null };
    plan.edits.push(first, { kind: "segments", id, before: null, after });
    plan.select.push(id);
  }
  return plan;
}

/**
 * @param {Segment} segment
 * @param {number} frame
 * @param {Set<string>} but
 */
const runs = ({ id, start, end }, frame, but) => start < frame && frame < end && !but.has(id);

/**
 * Several segments of a row as one, or one with its neighbour. The first chosen keeps what it says; only what it does
 * not say is taken from the others.
 *
 * @param {Segment[]} segments those that are there
 * @param {Segment[]} chosen the one that stays first
 * @param {1 | -1} way where the neighbour of a single one lies
 * @returns {Plan}
 */
export function merge(segments, chosen, way) {
  const [kept] = chosen;
  const row = segments.filter(({ level }) => level === kept.level).sort((a, b) => a.start - b.start || a.end - b.end);
  const next = row[row.findIndex(({ id }) => id === kept.id) + way];
  if (chosen.length === 1 && !next) {
    throw new Impossible(`There is no segment ${way > 0 ? "after" : "before"} this one in its row.`);
  }
  const parts = chosen.length === 1 ? [kept, next] : chosen;
  if (parts.some(({ level }) => level !== kept.level)) {
    throw new Impossible("Only segments of one row become one; the selected ones lie in two.");
  }
  const start = Math.min(...parts.map((part) => part.start));
  const end = Math.max(...parts.map((part) => part.end));
  const ids = new Set(parts.map(({ id }) => id));
  const between = row.find((one) => !ids.has(one.id) && one.start < end && one.end > start);
  if (between) throw new Impossible(`${nameOf(between)} lies between them; select it too, or merge up to it.`);
  const walls = kept.level === PRIMITIVE ? segments.filter(({ level }) => level === TASK) : [];
  const wall = walls.flatMap((task) => [task.start, task.end]).find((frame) => start < frame && frame < end);
  if (wall !== undefined) {
    throw new Impossible(`A task begins or ends at frame ${wall}, between them; an action lies in one task.`);
  }
  const others = parts.filter(({ id }) => id !== kept.id);
  const said = (/** @type {(part: Segment) => any} */ read) => parts.map(read).find(Boolean) ?? read(kept);
  const fields = {
    start,
    end,
    ...Object.fromEntries(SAID.map((field) => [field, said((part) => part[field])])),
    instructions: parts.find((part) => part.instructions.some(Boolean))?.instructions ?? [],
  };
  const gone = others.map((other) => edit(other, { deleted: true }));
  return { edits: [...gone, edit(kept, fields)], select: [kept.id] };
}

/**
 * Copies in a row, where they find room.
 *
 * @param {Segment[]} segments those that are there
 * @param {Segment[]} chosen
 * @param {{level: string | null, by: number}} where the row, null for their own; and frames later
 * @param {Rules} rules
 * @param {() => string} newId
 * @returns {Plan & {left: number}} how many found no room
 */
export function copies(segments, chosen, { level, by }, rules, newId) {
  /** @type {Plan & {left: number}} */
  const plan = { edits: [], select: [], left: 0 };
  const there = [...segments];
  for (const segment of chosen) {
    const id = newId();
    const range = { start: segment.start + by, end: segment.end + by, level: level ?? segment.level };
    /** @type {Segment} */
    const after = { ...segment, ...range, id, method: "manual", engine: "", proposal: null, confidence: null };
    if (lies(after, rules.bounds) && fits(there, after, rules.free)) {
      there.push(after);
      plan.edits.push({ kind: "segments", id, before: null, after });
      plan.select.push(id);
    } else plan.left += 1;
  }
  return plan;
}

/**
 * Whether a new segment disturbs none that is there.
 *
 * @param {Segment[]} segments
 * @param {Segment} segment
 * @param {Rules["free"]} free
 */
export function fits(segments, segment, free) {
  const { start, end, level } = segment;
  return segments.every((one) => {
    if (one.end <= start || end <= one.start) return true;
    if (one.level === level) return free(one) || free(segment);
    return level === TASK ? lies(one, { start, end }) : lies({ start, end }, one);
  });
}

/**
 * The stretch round a frame in which a new segment of a row finds room.
 *
 * @param {Segment[]} segments
 * @param {Segment} blank the new one
 * @param {number} frame
 * @param {Rules} rules
 * @returns {{start: number, end: number} | null} null where the frame is taken
 */
export function roomAt(segments, blank, frame, { bounds, free }) {
  const { level } = blank;
  const row = free(blank) ? [] : segments.filter((one) => one.level === level && !free(one));
  if (row.some(({ start, end }) => start <= frame && frame < end)) return null;
  const tasks = level === PRIMITIVE ? segments.filter((one) => one.level === TASK) : [];
  const walls = [...row, ...tasks].flatMap(({ start, end }) => [start, end]);
  return {
    start: walls.reduce((best, wall) => (wall <= frame ? Math.max(best, wall) : best), bounds.start),
    end: walls.reduce((best, wall) => (wall > frame ? Math.min(best, wall) : best), bounds.end),
  };
}

/**
 * Where nothing is in a row.
 *
 * @param {Segment[]} segments
 * @param {string} level
 * @param {{start: number, end: number}} bounds
 * @returns {[number, number][]} [start, end) of frames; none for a row that is empty
 */
export function gaps(segments, level, bounds) {
  const row = segments.filter((segment) => segment.level === level).sort((a, b) => a.start - b.start);
  if (!row.length) return [];
  /** @type {[number, number][]} */
  const found = [];
  let free = bounds.start;
  for (const { start, end } of row) {
    if (start > free) found.push([free, start]);
    free = Math.max(free, end);
  }
  if (free < bounds.end) found.push([free, bounds.end]);
  return found;
}
