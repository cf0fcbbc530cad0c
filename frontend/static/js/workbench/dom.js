/** Making elements. Text is always text; nothing here parses HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props] on… are listeners, others attributes; false and null leave them out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    .../** @type {(Node | string)[]} */ (children.filter((c) => c !== null && c !== undefined && c !== false)),
  );
  return element;
}

/**
 * An icon that the page carries in its sheet.
 *
 * @param {string} name
 * @returns {Node}
 */
export function icon(name) {
  const sheet = /** @type {HTMLTemplateElement | null} */ (document.getElementById(`icon-${name}`));
  return sheet ? sheet.content.cloneNode(true) : document.createTextNode("•");
}

/**
 * @param {string} iconName
 * @param {string} title name and tooltip
 * @param {(event: MouseEvent) => void} run
 * @param {Record<string, any>} [props]
 */
export function iconButton(iconName, title, run, props = {}) {
  return el(
    "button",
    { type: "button", class: "icon-button", title, "aria-label": title, onclick: run, ...props },
    icon(iconName),
  );
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element ${id}.`);
  return element;
}

/** A small square of a label's colour. @param {string} colour */
export function swatch(colour) {
  const square = el("span", { class: "swatch", "aria-hidden": "true" });
  square.style.background = colour;
  return square;
}

/**
 * Make these the children of an element. What stays is not touched: taken out and put back it would lose the focus, and
 * cost a layout.
 *
 * @param {Element} room
 * @param {Element[]} elements in order
 */
export function arrange(room, elements) {
  const staying = new Set(elements);
  for (const child of [...room.children]) if (!staying.has(child)) child.remove();
  /** @type {Element | null} */
  let after = room.firstElementChild;
  for (const element of elements) {
    if (element === after) after = after.nextElementSibling;
    else room.insertBefore(element, after);
  }
}

/**
 * Run at most once per animation frame, however often it is asked for.
 *
 * @param {() => void} draw
 */
export function onFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
