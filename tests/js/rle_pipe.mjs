// Reads pictures of 0 and 1 and writes their counts as the browser makes them; test_rle.py is at the other end.
//
// stdin, little endian: {uint32 width, uint32 height, width * height bytes, row-major}*; stdout: JSON, one
// {counts, boxed, back} a picture: the counts, those made from the tight box alone, and whether reading them gives the
// picture again.
import { readFileSync } from "node:fs";

import { Raster } from "../../frontend/static/js/models/raster.js";

const input = readFileSync(0);
const answers = [];
for (let at = 0; at < input.length; ) {
  const [width, height] = [input.readUInt32LE(at), input.readUInt32LE(at + 4)];
  at += 8;
  const bits = Uint8Array.from(input.subarray(at, at + width * height));
  at += width * height;
  const whole = new Raster(width, height, bits);
  const boxed = new Raster(width, height, bits, whole.box);
  const again = Raster.fromCounts(whole.counts, width, height);
  const sameBox = JSON.stringify(again.reach) === JSON.stringify(whole.box);
  answers.push({
    counts: whole.counts,
    boxed: boxed.counts,
    back: sameBox && again.bits.every((bit, i) => bit === bits[i]),
  });
}
process.stdout.write(JSON.stringify(answers));
