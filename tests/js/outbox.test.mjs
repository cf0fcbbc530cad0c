import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../frontend/static/js/models/outbox.js";
import { saveState } from "../../frontend/static/js/models/save_state.js";
import { make, pause, server, storage } from "./outbox_host.mjs";

test("writes of one thing arrive in order, each on the version of the one before", async () => {
  const host = server();
  const outbox = make(host);
  for (let n = 0; n < 20; n += 1) outbox.add("masks", "a", { n });
  assert.equal(outbox.unsaved, 20);
  await outbox.drained();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [...Array(20).keys()],
  );
  assert.equal(host.versions.get("a"), 20);
  assert.equal(outbox.unsaved, 0);
});

test("200 edits made offline arrive all, in order, once", async () => {
  const host = server();
  const kept = storage();
  const outbox = make(host, kept);
  host.down = true;
  for (let n = 0; n < 200; n += 1) await outbox.add("masks", `m${n % 7}`, { n });
  assert.equal(outbox.unsaved, 200);
  assert.equal(outbox.state, "offline");
  host.down = false;
  outbox.retry();
  await outbox.drained();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [...Array(200).keys()],
  );
  assert.equal(kept.rows.size, 0);
  assert.equal(outbox.state, "ready");
});

test("an answer lost on the way does not write twice", async () => {
  const host = server();
  const outbox = make(host);
  host.loseAnswers = 3;
  outbox.add("masks", "a", { n: 1 });
  outbox.add("masks", "a", { n: 2 });
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["a", 1],
    ["a", 2],
  ]);
});

test("what a closed page left is sent by the next one", async () => {
  const host = server();
  const kept = storage();
  const first = make(host, kept);
  host.down = true;
  await first.add("tracks", "t", { n: 1 });
  await first.add("masks", "a", { n: 2 });
  await first.add("masks", "a", { n: 3 });
  first.stop("the page was closed");
  host.down = false;
  const second = make(host, kept);
  const left = await second.restore();
  assert.deepEqual(
    left.map((entry) => entry.body.n),
    [1, 2, 3],
  );
  await second.drained();
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [1, 2, 3],
  );
});

test("a page closed between the write and its answer does not write twice", async () => {
  const host = server();
  const kept = storage();
  const first = make(host, kept);
  host.loseAnswers = 1;
  await first.add("masks", "a", { n: 1 });
  first.stop("the page was closed");
  const second = make(host, kept);
  second.learn([{ id: "a", version: 1 }]);
  await second.restore();
  await second.drained();
  assert.deepEqual(host.log, [["a", 1]]);
  assert.equal(second.conflicts.length, 0);
});

test("a stale write holds back only its own thing until a person chose", async () => {
  const host = server();
  const outbox = make(host);
  outbox.learn([{ id: "a", version: 4 }]);
  host.versions.set("a", 5);
  outbox.add("masks", "a", { n: "mine" });
  outbox.add("masks", "b", { n: "other" });
  await outbox.drained();
  assert.deepEqual(host.log, [["b", "other"]]);
  assert.equal(outbox.conflicts[0].theirs.n, "theirs");
  outbox.add("masks", "a", { n: "mine again" });
  await outbox.drained();
  assert.deepEqual(host.log, [["b", "other"]]);
  await outbox.resolve("a", { n: "both" });
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["b", "other"],
    ["a", "both"],
  ]);
  assert.equal(outbox.unsaved, 0);
});

test("taking theirs writes nothing and later edits stand on it", async () => {
  const host = server();
  const outbox = make(host);
  host.versions.set("a", 2);
  outbox.add("masks", "a", { n: "mine" });
  await outbox.drained();
  await outbox.resolve("a", null);
  assert.equal(outbox.unsaved, 0);
  outbox.add("masks", "a", { n: "later" });
  await outbox.drained();
  assert.deepEqual(host.log, [["a", "later"]]);
});

test("a refused write counts as unsaved until the next one is taken", async () => {
  const host = server();
  const outbox = make(host);
  host.refuse = (entry) => entry.body.n === "bad";
  outbox.add("segments", "s", { n: "bad" });
  outbox.add("masks", "a", { n: 1 });
  await outbox.drained();
  assert.equal(outbox.unsaved, 1);
  assert.equal(outbox.refusals[0].refused, "No.");
  outbox.add("segments", "s", { n: "good" });
  await outbox.drained();
  assert.equal(outbox.unsaved, 0);
  assert.deepEqual(host.log, [
    ["a", 1],
    ["s", "good"],
  ]);
});

test("drawing anew where something was erased asks nobody", async () => {
  const host = server();
  const outbox = make(host);
  host.versions.set("old", 3);
  const write = host.write.bind(host);
  host.write = (entry) => {
    if (entry.id !== "new") return write(entry);
    return {
      status: 412,
      body: { id: "old", version: 3, mine: { deleted: false }, theirs: { deleted: true } },
    };
  };
  const renamed = [];
  outbox.on("renamed", (detail) => renamed.push(detail));
  outbox.add("masks", "new", { n: 1 });
  await outbox.drained();
  assert.deepEqual(host.log, [["old", 1]]);
  assert.deepEqual(renamed, [{ from: "new", to: "old" }]);
  assert.equal(outbox.conflicts.length, 0);
});

test("when the task is lost nothing more is sent and nothing is thrown away", async () => {
  const kept = storage();
  const send = async () => [
    { status: 409, body: { error: { code: "lease_lost", message: "Task 1 is no longer yours." } } },
  ];
  const outbox = new Outbox({ task: 1, storage: kept, send, pause });
  const lost = [];
  outbox.on("lost", (detail) => lost.push(detail.message));
  await outbox.add("masks", "a", { n: 1 });
  await outbox.drained();
  assert.deepEqual(lost, ["Task 1 is no longer yours."]);
  assert.equal(kept.rows.size, 1);
  assert.equal(outbox.unsaved, 1);
});

test("it says Saved when all is on the server, and at no other time", async () => {
  const host = server();
  const kept = storage();
  const outbox = make(host, kept);
  const said = [];
  await outbox.restore();
  outbox.on("change drained", () => said.push([saveState(outbox).text, host.log.length]));
  host.down = true;
  await outbox.add("masks", "a", { n: 1 });
  await outbox.add("masks", "b", { n: 2 });
  await pause();
  assert.equal(saveState(outbox).text, "2 unsaved · offline");
  assert.match(saveState(outbox).title, /can't be reached.*kept in this browser/);
  host.down = false;
  outbox.retry();
  await outbox.drained();
  assert.equal(saveState(outbox).text, "Saved");
  for (const [text, arrived] of said) assert.equal(text === "Saved", arrived === 2, `${text} with ${arrived} saved`);
  kept.add = async () => {
    throw new Error("full");
  };
  host.down = true;
  await outbox.add("masks", "a", { n: 3 });
  assert.match(saveState(outbox).title, /in this page alone/);
  host.down = false;
  outbox.retry();
  await outbox.drained();
});

test("it says Loading until it is known what an earlier page left behind", async () => {
  const [host, kept] = [server(), storage()];
  host.down = true;
  const earlier = make(host, kept);
  await earlier.add("masks", "a", { n: 1 });
  earlier.stop("The page is closed.");
  host.down = false;
  const outbox = make(host, kept);
  assert.equal(saveState(outbox).text, "Loading");
  const said = [];
  outbox.on("change", () => said.push([saveState(outbox).text, host.log.length]));
  await outbox.restore();
  await outbox.drained();
  for (const [text, arrived] of said) assert.equal(text === "Saved", arrived === 1, `${text} with ${arrived} saved`);
  assert.equal(saveState(outbox).text, "Saved");
});

test("what is drawn while kept work is being read is not forgotten over it", async () => {
  const [host, kept] = [server(), storage()];
  host.down = true;
  const earlier = make(host, kept);
  await earlier.add("masks", "a", { n: 1 });
  earlier.stop("The page is closed.");
  host.down = false;
  const outbox = make(host, kept);
  const restoring = outbox.restore();
  await outbox.add("masks", "b", { n: 2 });
  await restoring;
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["a", 1],
    ["b", 2],
  ]);
  assert.equal(outbox.unsaved, 0);
});

test("what both did the same is no conflict", async () => {
  const host = server();
  const outbox = make(host);
  host.versions.set("a", 3);
  outbox.add("masks", "a", { n: "theirs" });
  await outbox.drained();
  assert.equal(outbox.conflicts.length, 0);
  assert.equal(outbox.unsaved, 0);
  outbox.add("masks", "a", { n: "later" });
  await outbox.drained();
  assert.deepEqual(host.log, [["a", "later"]]);
});

test("what belongs together is stored together", async () => {
  const kept = storage();
  const sizes = [];
  const { add } = kept;
  kept.add = (drafts) => {
    sizes.push(drafts.length);
    return add(drafts);
  };
  const host = server();
  const outbox = make(host, kept);
  await outbox.addAll([
    { kind: "tracks", id: "t", body: { n: 1 } },
    { kind: "masks", id: "a", body: { n: 2 } },
  ]);
  assert.deepEqual(sizes, [2]);
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["t", 1],
    ["a", 2],
  ]);
});

test("without room in the browser it is sent all the same, and no other tab's copy is touched", async () => {
  const host = server();
  const kept = storage();
  kept.rows.set(1, { seq: 1, key: "another tab's", id: "z", kind: "masks", base: 0, body: { n: "z" } });
  kept.add = async () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const outbox = make(host, kept);
  const warnings = [];
  outbox.on("unsafe", (error) => warnings.push(error.name));
  await outbox.add("masks", "a", { n: 1 });
  await outbox.add("masks", "a", { n: 2 });
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["a", 1],
    ["a", 2],
  ]);
  assert.deepEqual(warnings, ["QuotaExceededError", "QuotaExceededError"]);
  assert.equal(kept.rows.size, 1);
});

test("a success that names no version is a stranger's answer and is asked again", async () => {
  const host = server();
  const kept = storage();
  let strangers = 2;
  const outbox = new Outbox({
    task: 1,
    storage: kept,
    pause,
    send: async (entries) => {
      strangers -= 1;
      return strangers >= 0 ? [{ status: 200, body: null }] : host.send(entries);
    },
  });
  await outbox.add("masks", "a", { n: 1 });
  await outbox.drained();
  assert.deepEqual(host.log, [["a", 1]]);
  assert.equal(outbox.unsaved, 0);
});

test("two tabs that send the same writes make them once, in order", async () => {
  const host = server();
  const kept = storage();
  const first = make(host, kept);
  host.down = true;
  for (let n = 0; n < 12; n += 1) await first.add("masks", `m${n % 3}`, { n });
  const second = make(host, kept);
  await second.restore();
  host.down = false;
  first.retry();
  second.retry();
  await Promise.all([first.drained(), second.drained()]);
  assert.deepEqual(
    host.log.map(([, n]) => n),
    [...Array(12).keys()],
  );
  assert.deepEqual([first.unsaved, second.unsaved, kept.rows.size], [0, 0, 0]);
  assert.deepEqual([...first.conflicts, ...second.conflicts], []);
});

test("a listener that fails does not stop the writes after it", async () => {
  const host = server();
  const outbox = make(host);
  let failing = true;
  outbox.on("saved", () => {
    if (failing) throw new Error("a panel is broken");
  });
  await outbox.add("masks", "a", { n: 1 });
  await pause();
  failing = false;
  await outbox.add("masks", "a", { n: 2 });
  await outbox.drained();
  assert.deepEqual(host.log, [
    ["a", 1],
    ["a", 2],
  ]);
});

test("a page that lost its task stays stopped when the network goes too", async () => {
  const host = server();
  host.down = true;
  const outbox = make(host);
  await outbox.add("masks", "a", { n: 1 });
  outbox.stop("This task is no longer yours.");
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(outbox.state, "stopped");
  assert.equal(outbox.unsaved, 1);
});
