/** Takes pixels off the selected object. */

import { register } from "./registry.js";
import { tipBrush } from "./tip_brush.js";

register({
  name: "eraser",
  title: "Eraser",
  keys: ["e"],
  icon: "eraser",
  order: 40,
  hint: "Drag over the selected object; [ and ] change the size, Shift+B the tip.",
  ...tipBrush(0, "Erase from"),
});
