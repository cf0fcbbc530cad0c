import assert from "node:assert/strict";
import { test } from "node:test";
import { EtaMeter, say, sizeOf, span } from "../../frontend/static/js/pages/amounts.js";

test("sizes are written in the unit that people would choose", () => {
  assert.deepEqual([0, 999, 1024, 1_808_832, 20 * 1024 ** 3].map(sizeOf), [
    "0 bytes",
    "999 bytes",
    "1.0 KB",
    "1.7 MB",
    "20.0 GB",
  ]);
});

test("a stretch of time is never said to be nothing", () => {
  assert.deepEqual([0.2, 40, 600, 7200].map(span), ["1 s", "40 s", "10 min", "2.0 h"]);
});

test("the remaining time follows the last pieces, not a slow start", () => {
  let now = 0;
  const meter = new EtaMeter(() => now);
  assert.equal(meter.left(0, 1000), null);
  for (let piece = 1; piece <= 4; piece += 1) {
    now += 10_000;
    meter.left(piece, 1000);
  }
  for (let piece = 1; piece <= 8; piece += 1) {
    now += 1000;
    meter.left(4 + piece * 50, 1000);
  }
  const left = meter.left(404, 1000);
  assert.ok(left !== null && left > 10 && left < 16, `${left} s`);
});

test("a line of progress never says 100 % before the end", () => {
  assert.equal(say(999, 1000, null), "99 %");
  assert.equal(say(500, 1000, 30), "50 %, 30 s left");
});
