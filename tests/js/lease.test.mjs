import assert from "node:assert/strict";
import { test } from "node:test";

import { Lease } from "../../frontend/static/js/models/lease.js";

const soon = () => new Promise((done) => setTimeout(done, 2));

test("no sign of life is under way while the task is given away, and the last one comes before", async () => {
  const log = [];
  const said = (name) => async () => {
    log.push(`${name} begins`);
    await soon();
    log.push(`${name} ends`);
  };
  const lease = new Lease(said("beat"));
  const beating = lease.beat();
  const given = lease.giveAway(async () => {
    lease.beat();
    await said("submit")();
    lease.beat();
    return "given";
  });
  lease.beat();
  assert.equal(await given, "given");
  await beating;
  assert.deepEqual(log, ["beat begins", "beat ends", "beat begins", "beat ends", "submit begins", "submit ends"]);
});

test("a task that stayed is kept again", async () => {
  let beats = 0;
  const lease = new Lease(async () => {
    beats += 1;
  });
  await assert.rejects(
    lease.giveAway(async () => {
      throw new Error("there are remarks");
    }),
  );
  await lease.beat();
  assert.equal(beats, 2);
});
