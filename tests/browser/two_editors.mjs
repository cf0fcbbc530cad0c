/**
 * Two people write one mask at the same time, each with the browser's own outbox. Prints what each did and believed.
 *
 * node two_editors.mjs '{"url", "task", "mask", "track", "frame", "rounds", "width", "height", "tokens": [a, b]}'
 */

import { Outbox } from "../../frontend/static/js/models/outbox.js";
import { Raster } from "../../frontend/static/js/models/raster.js";

const { url, task, mask, track, frame, rounds, width, height, tokens } = JSON.parse(process.argv[2]);

let seed = 20261121;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};

/** What IndexedDB keeps, without IndexedDB. */
function storage() {
  const rows = new Map();
  let seq = 0;
  return {
    load: async () => [...rows.values()],
    add: async (drafts) =>
      drafts.map((draft) => {
        seq += 1;
        rows.set(seq, { ...draft, seq });
        return seq;
      }),
    settle: async (gone) => {
      for (const one of gone) rows.delete(one);
    },
  };
}

class Editor {
  constructor(token) {
    this.token = token;
    this.acknowledged = [];
    this.asked = 0;
    this.counts = null; // what stands on this person's screen
    this.outbox = new Outbox({ task, storage: storage(), send: (entries) => this.send(entries) });
    this.outbox.on("saved", ({ entry, answer }) => {
      // Both drew the very same: theirs stands, and nothing was written over.
      if (!answer.error) this.acknowledged.push({ version: answer.version, ...entry.body });
      this.counts = entry.body.counts;
    });
    this.outbox.on("conflict", () => {
      this.asked += 1;
    });
  }

  async call(method, path, body, headers = {}) {
    const response = await fetch(`${url}/api/tasks/${task}/${path}`, {
      method,
      headers: { Authorization: `Token ${this.token}`, "Content-Type": "application/json", ...headers },
      body: body && JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  async send(entries) {
    if (entries.length > 1) {
      const edits = entries.map(({ kind, id, key, base, body: { counts } }) => {
        return { kind, id, key, base, body: { track, frame, counts } };
      });
      const { status, body } = await this.call("POST", "edits/", { edits });
      return status === 207 ? body.answers : [{ status, body }];
    }
    const [{ key, base, body }] = entries;
    const headers = { "Idempotency-Key": key, "If-Match": `"${base}"` };
    return [await this.call("PUT", `masks/${mask}/`, { track, frame, counts: body.counts }, headers)];
  }

  /** Look at what stands, as the page does when it hears news. */
  async look() {
    const { body } = await this.call("GET", "work/");
    const found = body.masks.find(({ id }) => id === mask);
    this.outbox.learn([found]);
    this.counts = found.counts;
  }

  /** A stroke over what is on the screen. */
  async draw() {
    const raster = Raster.fromCounts(this.counts, width, height);
    const [x, y] = [random(width - 20) + 5, random(height - 20) + 5];
    raster.sweep([x, y], [x + random(12), y + random(12)], 2 + random(5), random(4) ? 1 : 0);
    const counts = raster.isEmpty ? this.counts : raster.counts;
    const over = this.counts;
    this.counts = counts;
    await this.outbox.add("masks", mask, { counts, over });
  }

  /** Choose between mine and theirs, or both. */
  async choose() {
    for (const { theirs } of this.outbox.conflicts) {
      const mine = this.counts;
      const choice = random(3);
      let counts = mine;
      if (choice === 1) {
        this.counts = theirs.counts;
        await this.outbox.resolve(mask, null);
        continue;
      }
      if (choice === 2) {
        const both = Raster.fromCounts(mine, width, height);
        counts = both.unite(Raster.fromCounts(theirs.counts, width, height)).counts;
      }
      this.counts = counts;
      await this.outbox.resolve(mask, { counts, over: theirs.counts });
    }
  }

  async settle() {
    for (;;) {
      await this.outbox.drained();
      if (!this.outbox.conflicts.length) return;
      await this.choose();
    }
  }
}

const editors = tokens.map((token) => new Editor(token));
await Promise.all(editors.map((editor) => editor.look()));
for (let round = 0; round < rounds; round += 1) {
  await Promise.all(
    editors.map(async (editor) => {
      if (random(3) === 0) await editor.look();
      await editor.draw();
      if (random(4) === 0) await editor.draw();
      await editor.settle();
    }),
  );
}
const told = editors.map(({ acknowledged, asked, outbox }) => ({ acknowledged, asked, unsaved: outbox.unsaved }));
process.stdout.write(JSON.stringify(told));
