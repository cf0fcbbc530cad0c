// Reads operations on masks as JSON lines and writes what the browser makes of them; test_operations.py is at the other
// end. {op, width, height, counts, …} -> {counts} or {parts}
import { readFileSync } from "node:fs";

import { grown, partsOf, shrunk, withoutHoles, withoutSpecks } from "../../frontend/static/js/models/morphology.js";
import { Raster } from "../../frontend/static/js/models/raster.js";
import { pack, unpack } from "../../frontend/static/js/models/rle.js";
import { common, minus, union } from "../../frontend/static/js/models/runs.js";

const operations = {
  grow: (raster, { by }) => grown(raster, by).counts,
  shrink: (raster, { by }) => shrunk(raster, by).counts,
  holes: (raster) => withoutHoles(raster).counts,
  specks: (raster, { by }) => withoutSpecks(raster, by).counts,
  parts: (raster) =>
    partsOf(raster)
      .areas.slice(1)
      .sort((a, b) => a - b),
  union: (_, { counts, other }) => pack(union(unpack(counts), unpack(other))),
  minus: (_, { counts, other }) => pack(minus(unpack(counts), unpack(other))),
  common: (_, { counts, other }) => pack(common(unpack(counts), unpack(other))),
  polygon: (raster, { rings }) => {
    raster.fillRings(rings, 1);
    return raster.counts;
  },
  sweep: (raster, { from, to, size, shape, fromSize }) => {
    raster.sweep(from, to, size, 1, shape, fromSize);
    return raster.counts;
  },
  chain: (raster, { points, size }) => {
    raster.chain(points, size, 1);
    return raster.counts;
  },
};

const lines = readFileSync(0, "utf8").trim().split("\n");
const answers = lines.map((line) => {
  const asked = JSON.parse(line);
  const raster = asked.counts
    ? Raster.fromCounts(asked.counts, asked.width, asked.height)
    : new Raster(asked.width, asked.height);
  return operations[asked.op](raster, asked);
});
process.stdout.write(JSON.stringify(answers));
