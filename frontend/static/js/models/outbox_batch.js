/** What goes to the server in one request: everything that came together while the request before it was on its way. */

/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("./outbox.js").Answer} Answer */

/** Writes in one request; the server takes twice as many. */
export const MOST = 50;
// Characters of masks in one request: some hundreds of outlines, and a second on a slow line.
const HEAVIEST = 500_000;

/** @param {Entry} entry */
const weightOf = ({ body }) => 500 + (body.counts?.length ?? 0) + (body.amodal?.length ?? 0);

/**
 * The next writes, in order. A decision goes alone: what the server makes of it is known by its answer.
 *
 * @param {Entry[]} entries
 * @param {(entry: Entry) => boolean} waits whether it waits for a person
 * @param {number} most
 * @returns {Entry[]} none when nothing can be sent
 */
export function together(entries, waits, most) {
  /** @type {Entry[]} */
  const batch = [];
  let weight = 0;
  for (const entry of entries) {
    if (waits(entry)) continue;
    weight += weightOf(entry);
    if (batch.length && (batch.length >= most || weight > HEAVIEST || entry.kind === "decisions")) break;
    batch.push(entry);
    if (entry.kind === "decisions") break;
  }
  return batch;
}

/**
 * Each with the version that it is written over; the first of a thing keeps it. What follows another write of the
 * same thing is written over the version that one makes: when it does not, the server holds what follows back.
 *
 * @param {Entry[]} batch
 * @param {(id: string) => number} versionOf as the server last told
 * @returns {Entry[]} copies
 */
export function addressed(batch, versionOf) {
  /** @type {Map<string, number>} */
  const next = new Map();
  return batch.map((entry) => {
    const base = entry.base ?? next.get(entry.id) ?? versionOf(entry.id);
    if (!next.has(entry.id)) entry.base = base;
    next.set(entry.id, base + 1);
    return { ...entry, base };
  });
}

/** What the server answers to a write that it held back, because the one of the same thing before it was not taken. */
export const HELD = 424;

/**
 * Whether an answer leaves open what became of a write. A success that names no version did not come from the server:
 * a proxy's log-in page says 200 too.
 *
 * @param {Answer} answer
 */
export function saysNothing({ status, body }) {
  if (status === 0 || status === 429 || status >= 500) return true;
  const known = body?.version ?? body?.task_version;
  return (status < 400 || status === 412) && typeof known !== "number";
}
