import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../frontend/static/js/models/outbox.js";
import { make, pause, server, storage } from "./outbox_host.mjs";

test("what comes while a request is on its way goes together in the next one", async () => {
  const host = server();
  const kept = storage();
  // The line stands still until all are made, so that how fast the machine is has no say.
  let open;
  const line = new Promise((done) => {
    open = done;
  });
  const outbox = new Outbox({
    task: 1,
    storage: kept,
    pause,
    send: async (entries) => {
      await line;
      return host.send(entries);
    },
  });
  for (let n = 0; n < 20; n += 1) {
    await outbox.add("segments", `s${n % 3}`, { n });
    await new Promise((done) => setTimeout(done, 2));
  }
  open();
  await outbox.drained();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [...Array(20).keys()],
  );
  assert.equal(host.requests.length, 2, `${host.requests.length} requests`);
  assert.equal(new Set(host.requests.flat()).size, 20);
  assert.deepEqual([kept.rows.size, outbox.unsaved], [0, 0]);
});

test("a request is no longer than the server takes, and no heavier than a second of a slow line", async () => {
  const host = server();
  host.down = true;
  const outbox = make(host);
  for (let n = 0; n < 120; n += 1) await outbox.add("masks", `m${n}`, { n });
  for (let n = 0; n < 6; n += 1) await outbox.add("masks", `big${n}`, { n, counts: "x".repeat(200_000) });
  host.down = false;
  outbox.retry();
  await outbox.drained();
  assert.equal(host.log.length, 126);
  const sizes = host.requests.map((keys) => keys.length);
  assert.ok(Math.max(...sizes) <= 50, String(sizes));
  // Of the six heavy ones two go together.
  assert.deepEqual(sizes.slice(-2), [2, 2]);
});

test("a decision goes alone and in its place", async () => {
  const host = server();
  const sent = [];
  const outbox = new Outbox({
    task: 1,
    storage: storage(),
    pause,
    send: async (entries) => {
      sent.push(entries.map(({ kind }) => kind));
      return host.send(entries);
    },
  });
  await outbox.addAll(
    ["segments", "masks", "decisions", "segments"].map((kind, n) => ({ kind, id: `${n}`, body: { n } })),
  );
  await outbox.drained();
  assert.deepEqual(sent, [["segments", "masks"], ["decisions"], ["segments"]]);
});

test("a refused write in the middle holds back its own thing alone, and what follows it stands on the version before", async () => {
  const host = server();
  const outbox = make(host);
  host.refuse = (entry) => entry.body.n === "bad";
  const wanted = [
    ["a", 1],
    ["a", "bad"],
    ["a", 2],
    ["b", 3],
    ["a", 4],
  ];
  await outbox.addAll(wanted.map(([id, n]) => ({ kind: "segments", id, body: { n } })));
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["a", 1],
    ["b", 3],
    ["a", 2],
    ["a", 4],
  ]);
  assert.equal(host.versions.get("a"), 3);
  assert.equal(outbox.unsaved, 0);
});

test("a stale write in the middle asks once and loses nothing that follows", async () => {
  const host = server();
  const outbox = make(host);
  outbox.learn([{ id: "a", version: 1 }]);
  host.versions.set("a", 2);
  const asked = [];
  outbox.on("conflict", (conflict) => asked.push(conflict.mine.n));
  await outbox.addAll(["x", "y"].map((n) => ({ kind: "segments", id: "a", body: { n } })));
  await outbox.addAll([{ kind: "segments", id: "b", body: { n: "z" } }]);
  await outbox.drained();
  assert.deepEqual([asked, host.log, outbox.unsaved], [["x"], [["b", "z"]], 2]);
  await outbox.resolve("a", { n: "both" });
  await outbox.drained();
  assert.deepEqual(host.log.at(-1), ["a", "both"]);
  assert.equal(outbox.unsaved, 0);
});

test("a write that fails the server holds up no other", async () => {
  const host = server();
  let failures = 0;
  const outbox = new Outbox({
    task: 1,
    storage: storage(),
    pause: async () => {
      await pause();
    },
    send: async (entries) => {
      if (!entries.some(({ body }) => body.n === 3) || failures > 12) return host.send(entries);
      failures += 1;
      return [{ status: 500, body: null }];
    },
  });
  await outbox.addAll([...Array(6).keys()].map((n) => ({ kind: "masks", id: `m${n}`, body: { n } })));
  while (failures < 8) await pause();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [0, 1, 2],
  );
  await outbox.drained();
  assert.equal(host.log.length, 6);
});

test("an answer to a part of a batch leaves the rest to be sent again", async () => {
  const host = server();
  let cut = 2;
  const outbox = new Outbox({
    task: 1,
    storage: storage(),
    pause,
    send: async (entries) => (await host.send(entries)).slice(0, cut++ < 5 ? 2 : undefined),
  });
  await outbox.addAll([...Array(12).keys()].map((n) => ({ kind: "masks", id: `m${n % 4}`, body: { n } })));
  await outbox.drained();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [...Array(12).keys()],
  );
});

let seed = 7;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const never = () => new Promise(() => {});

/** A page on a bad line, that can be killed: then nothing of it comes through any more. */
function mortalPage(host, kept) {
  const page = { alive: true, outbox: null };
  const own = {
    load: () => kept.load(),
    add: (drafts) => (page.alive ? kept.add(drafts) : never()),
    settle: (...args) => (page.alive ? kept.settle(...args) : never()),
  };
  const send = async (entries) => {
    const answers = await host.send(entries);
    if (random(3) === 0) await pause();
    if (!page.alive) return never();
    return random(4) ? answers : [{ status: 0, body: null }];
  };
  page.outbox = new Outbox({ task: 1, storage: own, pause, send });
  page.outbox.learn([...host.versions].map(([id, version]) => ({ id, version })));
  return page;
}

/** Nine edits in a hurry, the last of them stored; then the page is killed, or left when all is saved. */
async function livesAndDies(host, kept, first, saves) {
  const page = mortalPage(host, kept);
  await page.outbox.restore();
  for (let n = first; n < first + 9; n += 1) {
    const added = page.outbox.add("segments", `s${random(3)}`, { n });
    if (random(2) || n === first + 8) await added;
    if (random(4) === 0) await pause();
  }
  if (saves) await page.outbox.drained();
  page.alive = false;
}

test("pages killed anywhere and answers lost anywhere write each edit once and in order", async () => {
  for (let round = 0; round < 40; round += 1) {
    const [host, kept] = [server(), storage()];
    for (let page = 0; page < 4; page += 1) await livesAndDies(host, kept, 9 * page, page === 3);
    assert.equal(host.log.length, 36, `round ${round}`);
    for (const id of host.versions.keys()) {
      const numbers = host.log.filter(([other]) => other === id).map(([, n]) => n);
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
        `${id} in round ${round}`,
      );
    }
    assert.equal(kept.rows.size, 0);
  }
});
