/** Cuts the selected object in two along a line. */

import { cutAlong } from "../models/cutting.js";
import { splitOff } from "../workbench/splitting.js";
import { register } from "./registry.js";

/** @typedef {[number, number]} Point */

/** @type {Point[]} */
let line = [];

register({
  name: "cut",
  title: "Cut in two",
  keys: ["Shift+c"],
  icon: "slice",
  order: 56,
  cursor: "crosshair",
  writes: true,
  hint: "Draw a line right across the selected object: the smaller side becomes an object of its own on this frame.",

  press(bench, { x, y, button }) {
    if (button !== 0) return;
    if (!bench.track) {
      const found = bench.pick(x, y);
      if (found?.kind === "tracks") bench.select("tracks", found.id);
    }
    line = [[x, y]];
  },

  drag(_bench, pointers) {
    for (const { x, y } of pointers) if (line.length) line.push([x, y]);
  },

  release(bench) {
    const drawn = line;
    line = [];
    if (drawn.length < 2 || !bench.mayWrite(bench.frame)) return;
    const mask = bench.track && bench.work.maskOf(bench.track.id, bench.frame);
    if (!mask || mask.counts === null) {
      bench.say("Select the object to cut first.");
      return;
    }
    const pieces = cutAlong(bench.rasterOf(mask), drawn);
    if (pieces.length > 1) splitOff(bench, mask, pieces, "Cut");
    else bench.say("The line does not go right across the object; begin and end it outside.");
  },

  key(_bench, key) {
    if (key !== "Escape" || !line.length) return false;
    line = [];
    return true;
  },

  disarm() {
    line = [];
  },

  ornament(_bench, g, hair) {
    if (!line.length) return;
    const path = new Path2D();
    for (const [x, y] of line) path.lineTo(x, y);
    for (const [style, width] of /** @type {[string, number][]} */ ([
      ["rgb(0 0 0 / 60%)", 3.5],
      ["#ff938a", 1.5],
    ])) {
      g.strokeStyle = style;
      g.lineWidth = width * hair;
      g.stroke(path);
    }
  },
});
