/**
 * The grammar of action segments, checked while a person works. The server says the same when the task is submitted:
 * annotation/grammar.py, where the kinds of rules are told; tests/grammar_cases.json holds both to it, word for word.
 */

import { framesSaid } from "./spoken.js";

/** @typedef {import("./work.js").Segment} Segment */
/** @typedef {Record<string, any>} Rule */
/**
 * @typedef {object} Broken
 * @property {string} rule its kind
 * @property {"error" | "warning"} severity
 * @property {string} message a sentence
 * @property {string} segment
 * @property {number} start
 * @property {number} end the frame after what it is about
 */
/** @typedef {(frame: number) => number} TimeOf seconds at which a frame appears */
/** @typedef {[string, Segment, number, number]} Found */
/** @typedef {(segments: Segment[], rule: Rule, timeOf: TimeOf) => Iterable<Found>} Check */

export const MIN_INSTRUCTIONS = 3;
const LEAST_STEP = 1e-6; // s; times are sums of fractions

/**
 * Every rule that does not hold, by where it begins.
 *
 * @param {Segment[]} segments
 * @param {Rule[]} rules of the project
 * @param {TimeOf} timeOf the number of frames gives the clip's end
 * @returns {Broken[]}
 */
export function broken(segments, rules, timeOf) {
  const ordered = [...segments].sort((a, b) => a.start - b.start || a.end - b.end || (a.id < b.id ? -1 : 1));
  /** @type {Broken[]} */
  const found = [];
  /** @param {string} rule @param {"error" | "warning"} severity @param {Iterable<Found>} told */
  const take = (rule, severity, told) => {
    for (const [message, { id }, start, end] of told) found.push({ rule, severity, message, segment: id, start, end });
  };
  for (const [kind, check] of Object.entries(EVERYWHERE)) take(kind, "error", check(ordered, { rules }, timeOf));
  for (const rule of rules) {
    const check = OF_A_PROJECT[rule.kind];
    if (check) take(rule.kind, rule.must === false ? "warning" : "error", check(ordered, rule, timeOf));
  }
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * The words in lower case without punctuation: two that are equal here are the same.
 *
 * @param {string} text
 */
export const plain = (text) => (text.toLowerCase().match(/[\p{L}\p{N}_'’-]+/gu) ?? []).join(" ");

/**
 * @param {any} segment
 * @param {string} what "phase:place", "action:pick", "level:task", or empty for every segment
 */
export function matches(segment, what) {
  if (!what) return true;
  const at = what.indexOf(":");
  return segment[what.slice(0, at)] === what.slice(at + 1);
}

/** How many instructions a segment needs, by the project's rules. @param {Segment} segment @param {Rule[]} rules */
export function instructionsNeeded(segment, rules) {
  const own = rules.filter((rule) => rule.kind === "instructions" && matches(segment, rule.what ?? "")).at(-1);
  return own ? own.least : MIN_INSTRUCTIONS;
}

// ---- what holds everywhere

/** @type {Record<string, Check>} */
const EVERYWHERE = {
  *class(segments) {
    for (const each of segments) {
      if (!each.action) yield [`${name(each)} has no action class; choose one.`, each, each.start, each.end];
    }
  },

  *instructions(segments, { rules }) {
    const wanted = rules.filter((/** @type {Rule} */ rule) => rule.kind === "instructions");
    for (const each of segments) {
      const own = wanted.filter((/** @type {Rule} */ rule) => matches(each, rule.what ?? "")).at(-1);
      // A warning only is told beside the others.
      if (own?.must !== false) yield* fewer(each, own ? own.least : MIN_INSTRUCTIONS);
    }
  },

  *overlap(segments, { rules }) {
    const permissions = rules.filter((/** @type {Rule} */ rule) => rule.kind === "may_overlap");
    /** @type {Map<string, Segment>} */
    const longest = new Map();
    for (const each of segments) {
      if (permissions.some((/** @type {Rule} */ rule) => matches(each, rule.what ?? ""))) continue;
      const before = longest.get(each.level);
      if (before && each.start < before.end) {
        const end = Math.min(before.end, each.end);
        const where = framesSaid(each.start, end);
        yield [`Two ${each.level} segments overlap on ${where}; move one of their ends.`, each, each.start, end];
      }
      if (!before || each.end > before.end) longest.set(each.level, each);
    }
  },

  *nesting(segments) {
    const tasks = segments.filter((each) => each.level === "task");
    for (const each of segments) {
      if (each.level === "task") continue;
      const touched = tasks.filter((task) => task.start < each.end && each.start < task.end);
      if (touched.length && !touched.some((task) => task.start <= each.start && each.end <= task.end)) {
        const message = `${name(each)} reaches over an end of its task segment; cut it there or move its ends.`;
        yield [message, each, each.start, each.end];
      }
    }
  },
};

// ---- what a project may add

/** @type {Record<string, Check>} */
const OF_A_PROJECT = {
  *needs_earlier(segments, rule) {
    let seen = false;
    for (const each of segments) {
      if (matches(each, rule.what)) {
        if (!seen) {
          const [what, earlier] = [key(rule.what), key(rule.earlier)];
          const message = `${name(each)} is ${what} without an earlier ${earlier}; mark that one or correct this one.`;
          yield [message, each, each.start, each.end];
        } else if (rule.own) seen = false;
      }
      if (matches(each, rule.earlier)) seen = true;
    }
  },

  *order(segments, { phases }) {
    const starts = segments.filter((each) => each.level === "task").map((each) => each.start);
    /** @type {Segment | undefined} */
    let last;
    for (const each of segments) {
      const place = phases.indexOf(each.phase);
      if (each.level === "task" || place < 0) continue;
      const before = last;
      last = each;
      if (!before || before.phase === phases.at(-1)) continue;
      if (starts.some((start) => before.start < start && start <= each.start)) continue;
      if (place < phases.indexOf(before.phase)) {
        const order = `the order is ${phases.join(", ")}`;
        yield [`${name(each)} is ${each.phase} after ${before.phase}; ${order}.`, each, each.start, each.end];
      }
    }
  },

  *no_gap(segments, { level, seconds }, timeOf) {
    let end = -1;
    for (const each of segments) {
      if (each.level !== level) continue;
      const gap = end >= 0 && each.start > end ? timeOf(each.start) - timeOf(end) : 0;
      if (gap > seconds + LEAST_STEP) {
        const message = `There is a gap of ${told(gap)} s before frame ${each.start}; ${told(seconds)} s is the most.`;
        yield [message, each, end, each.start];
      }
      end = Math.max(end, each.end);
    }
  },

  *longest(segments, { what, seconds }, timeOf) {
    for (const each of segments) {
      const lasts = timeOf(each.end) - timeOf(each.start);
      if (!matches(each, what ?? "") || lasts <= seconds + LEAST_STEP) continue;
      yield [`${name(each)} lasts ${told(lasts)} s; ${told(seconds)} s is the longest.`, each, each.start, each.end];
    }
  },

  *shortest(segments, { what, seconds }, timeOf) {
    for (const each of segments) {
      const lasts = timeOf(each.end) - timeOf(each.start);
      if (!matches(each, what ?? "") || lasts >= seconds - LEAST_STEP) continue;
      yield [`${name(each)} lasts ${told(lasts)} s; ${told(seconds)} s is the shortest.`, each, each.start, each.end];
    }
  },

  *needs(segments, { what, field }) {
    for (const each of segments) {
      if (!matches(each, what ?? "") || has(each, field)) continue;
      yield [`${name(each)} has no ${field}; set it.`, each, each.start, each.end];
    }
  },

  *instructions(segments, { what, least, must }) {
    if (must !== false) return;
    for (const each of segments) if (matches(each, what ?? "")) yield* fewer(each, least);
  },
};

/**
 * @param {Segment} each
 * @param {number} least
 * @returns {Iterable<Found>}
 */
function* fewer(each, least) {
  const different = new Set(each.instructions.map(plain).filter(Boolean)).size;
  if (different >= least) return;
  const message = `${name(each)} has ${different} different instructions; write ${least} or more.`;
  yield [message, each, each.start, each.end];
}

/**
 * @param {any} segment
 * @param {string} field
 */
function has(segment, field) {
  if (field === "object") return Boolean(segment.object || segment.object_name);
  if (field === "hand") return Boolean(segment.hand || segment.hand_side);
  return segment[field] !== null && segment[field] !== undefined && segment[field] !== "";
}

/** @param {Segment} segment */
const name = ({ start, end }) => `The segment on ${framesSaid(start, end)}`;

/** @param {string} what */
const key = (what) => what.slice(what.indexOf(":") + 1);

/** At most two decimals. @param {number} seconds */
const told = (seconds) => String(Math.floor(seconds * 100 + 0.5) / 100);
