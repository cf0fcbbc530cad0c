/** The canvas tools. Each is a module of its own that registers itself here; the page loads every file of this folder. */

/** @typedef {import("../workbench/bench.js").Bench} Bench */
/** @typedef {import("../workbench/stage_input.js").Pointer} Pointer */

/**
 * What a tool is. All callbacks may be missing; pointers are in picture px.
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} title
 * @property {string[]} keys that take it in hand
 * @property {string} icon a Lucide icon
 * @property {number} order its place on the strip
 * @property {string} cursor CSS
 * @property {string} hint one line on how it is used
 * @property {boolean} [writes] changes work; off when the task is read-only
 * @property {boolean} [pans] dragging moves the picture
 * @property {(bench: Bench, pointer: Pointer) => void} [press]
 * @property {(bench: Bench, pointers: Pointer[]) => void} [drag]
 * @property {(bench: Bench, pointer: Pointer) => void} [release]
 * @property {(bench: Bench, pointer: Pointer) => void} [doublePress]
 * @property {(bench: Bench, pointer: Pointer | null) => void} [hover]
 * @property {(bench: Bench, key: string) => boolean} [key] a chord; true when it was for the tool
 * @property {(bench: Bench, key: string) => void} [keyUp] a key's name as the browser has it
 * @property {(bench: Bench) => [string, string, string[], () => void][]} [commands] more keys of it: id, title, keys, run
 * @property {(bench: Bench) => void} [arm] it is taken in hand, or the frame has changed with it in hand
 * @property {(bench: Bench, way: 1 | -1) => void} [resize] where it has a size that is not the brush's
 * @property {(bench: Bench) => number} [size] that size, px
 * @property {(bench: Bench) => void} [disarm] another tool is taken, or the frame changes
 * @property {(bench: Bench, g: CanvasRenderingContext2D, hair: number) => void} [ornament] drawn over everything, in
 *   picture coordinates; hair is one screen px
 */

/** @type {Map<string, Tool>} */
const tools = new Map();

/** @param {Tool} tool */
export function register(tool) {
  if (tools.has(tool.name)) throw new Error(`There are two tools called ${tool.name}.`);
  tools.set(tool.name, tool);
}

/** @returns {Tool[]} in the order of the strip */
export function allTools() {
  return [...tools.values()].sort((a, b) => a.order - b.order);
}

/** @param {string} name @returns {Tool} */
export function toolCalled(name) {
  const tool = tools.get(name);
  if (!tool) throw new Error(`There is no tool ${name}; there are ${[...tools.keys()].join(", ")}.`);
  return tool;
}
