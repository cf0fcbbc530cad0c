/** Paints pixels onto an object. */

import { register } from "./registry.js";
import { tipBrush } from "./tip_brush.js";

register({
  name: "brush",
  title: "Brush",
  keys: ["b"],
  icon: "brush",
  order: 30,
  hint: "Drag to paint; [ and ] change the size, Shift+B the tip. N begins the next object.",
  ...tipBrush(1, "Brush on"),
});
