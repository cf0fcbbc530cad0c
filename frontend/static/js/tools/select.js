/** Selects the object or proposal under the pointer. */

import { register } from "./registry.js";

register({
  name: "select",
  title: "Select",
  keys: ["v"],
  icon: "mouse-pointer-2",
  order: 10,
  cursor: "default",
  hint: "Click an object or a dashed proposal; Shift+click chooses more objects, Shift+N merges them.",
  press(bench, { x, y, shift, button }) {
    if (button !== 0) return;
    const found = bench.pick(x, y);
    if (!shift) bench.select(found?.kind ?? null, found?.id ?? null);
    else if (found?.kind === "tracks") bench.selectAlso(String(found.id));
  },
});
