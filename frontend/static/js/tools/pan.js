/** Moves the picture under the pointer. */

import { register } from "./registry.js";

register({
  name: "pan",
  title: "Pan",
  keys: ["h"],
  icon: "hand",
  order: 20,
  cursor: "grab",
  hint: "Drag to move, turn the wheel to zoom. Space or the middle button pans with any tool.",
  pans: true,
});
