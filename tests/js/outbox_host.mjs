/** What the outbox speaks to, in memory: a server as strict as ours, and a browser's storage. */

import { Outbox } from "../../frontend/static/js/models/outbox.js";

const theirs = { n: "theirs" };
const seen = (body) => ({ ...body, counts: String(body.n) });

/** A server as strict as ours: versions, keys, one answer per key. */
export function server() {
  const versions = new Map();
  const answers = new Map();
  const log = [];
  let down = false;
  let loseAnswers = 0;
  return {
    log,
    versions,
    set down(value) {
      down = value;
    },
    set loseAnswers(value) {
      loseAnswers = value;
    },
    refuse: null,
    requests: [],
    async send(entries) {
      await Promise.resolve();
      if (down) return [{ status: 0, body: null }];
      this.requests.push(entries.map((entry) => entry.key));
      const held = new Set();
      const told = entries.map((entry) => {
        if (held.has(entry.id)) return { status: 424, body: { error: { code: "held", message: "Held." } } };
        const answer = this.answer(entry);
        if (answer.status >= 400) held.add(entry.id);
        return answer;
      });
      if (loseAnswers > 0) {
        loseAnswers -= 1;
        return [{ status: 0, body: null }];
      }
      return told;
    },
    answer(entry) {
      const request = JSON.stringify([entry.id, entry.base, entry.body]);
      const known = answers.get(entry.key);
      if (known && known.request !== request) return { status: 422, body: { error: { message: "Another write." } } };
      if (known) return known.answer;
      const answer = this.write(entry);
      if (answer.status < 400 || answer.status === 412) answers.set(entry.key, { request, answer });
      return answer;
    },
    write(entry) {
      if (this.refuse?.(entry)) return { status: 422, body: { error: { code: "refused", message: "No." } } };
      const version = versions.get(entry.id) ?? 0;
      if (entry.base !== version)
        return { status: 412, body: { id: entry.id, version, mine: seen(entry.body), theirs: seen(theirs) } };
      versions.set(entry.id, version + 1);
      log.push([entry.id, entry.body.n]);
      return { status: 200, body: { id: entry.id, version: version + 1 } };
    },
  };
}

/** What IndexedDB keeps, without IndexedDB. */
export function storage() {
  const rows = new Map();
  let seq = 0;
  return {
    rows,
    load: async () => [...rows.values()].map((row) => structuredClone(row)),
    add: async (drafts) =>
      drafts.map((draft) => {
        seq += 1;
        rows.set(seq, structuredClone({ ...draft, seq }));
        return seq;
      }),
    settle: async (gone, changed) => {
      for (const one of gone) rows.delete(one);
      for (const one of changed) if (rows.has(one.seq)) rows.set(one.seq, structuredClone(one));
    },
  };
}

export const pause = () => new Promise((done) => setTimeout(done, 1));
export const make = (host, kept = storage()) =>
  new Outbox({ task: 1, storage: kept, send: (entries) => host.send(entries), pause });
