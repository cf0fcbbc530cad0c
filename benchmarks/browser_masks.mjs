// Times the browser's packing of masks, as browser_masks.py times pycocotools': reads {uint32 width, height, count},
// then the pictures row-major, and prints masks a second, the median of several rounds.
import { readFileSync } from "node:fs";

import { Raster } from "../frontend/static/js/models/raster.js";

const ROUNDS = 7;

const input = readFileSync(0);
const [width, height, count] = [0, 4, 8].map((at) => input.readUInt32LE(at));
const pixels = width * height;
const rasters = Array.from({ length: count }, (_, i) => {
  const raster = new Raster(width, height, Uint8Array.from(input.subarray(12 + i * pixels, 12 + (i + 1) * pixels)));
  raster.box; // known to a mask that was drawn or read
  return raster;
});
const rates = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const begin = performance.now();
  let length = 0;
  for (const raster of rasters) length += raster.counts.length;
  rates.push((1000 * count) / (performance.now() - begin));
  if (!length) throw new Error("Nothing was packed.");
}
rates.sort((a, b) => a - b);
process.stdout.write(String(rates[ROUNDS >> 1]));
