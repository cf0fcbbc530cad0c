/** Pointer, wheel and space bar on the picture: panning and zooming here, everything else goes to the tool in hand. */

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("../tools/registry.js").Tool} Tool */
/**
 * In picture px; pressure is 0 to 1, and says something for a pen alone.
 *
 * @typedef {{x: number, y: number, button: number, shift: boolean, alt: boolean, ctrl: boolean, pen: boolean,
 *   pressure: number}} Pointer
 */

const FINE = 0.0015;

export class StageInput {
  /** @type {"tool" | "pan" | null} what the pressed button does */
  #doing = null;
  #last = { x: 0, y: 0 };

  /**
   * @param {Stage} stage
   * @param {() => Tool} tool the one in hand
   */
  constructor(stage, tool) {
    this.stage = stage;
    this.tool = tool;
    /** @type {Pointer | null} where the pointer is over the picture */
    this.over = null;
    this.spaceHeld = false;
    this.draggedWithSpace = false;
    const { ornaments } = stage;
    ornaments.addEventListener("pointerdown", (event) => this.#down(event));
    ornaments.addEventListener("pointermove", (event) => this.#move(event));
    ornaments.addEventListener("pointerup", (event) => this.#up(event));
    ornaments.addEventListener("pointercancel", (event) => this.#up(event));
    ornaments.addEventListener("pointerleave", () => this.#hover(null));
    ornaments.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    ornaments.addEventListener("contextmenu", (event) => event.preventDefault());
    ornaments.addEventListener("dblclick", (event) => this.tool().doublePress?.(stage.bench, this.#pointer(event)));
  }

  /** While the space bar is down the hand pans. @param {boolean} held */
  holdSpace(held) {
    if (held && !this.spaceHeld) this.draggedWithSpace = false;
    this.spaceHeld = held;
    this.showCursor();
  }

  get busy() {
    return this.#doing !== null;
  }

  showCursor() {
    const panning = this.spaceHeld || this.#doing === "pan";
    this.stage.ornaments.style.cursor = panning ? "grab" : this.tool().cursor;
  }

  /**
   * @param {MouseEvent} event
   * @returns {Pointer}
   */
  #pointer(event) {
    const box = this.stage.ornaments.getBoundingClientRect();
    const [x, y] = this.stage.view.toPicture(event.clientX - box.left, event.clientY - box.top);
    return {
      x,
      y,
      button: event.button,
      shift: event.shiftKey,
      alt: event.altKey,
      ctrl: event.ctrlKey || event.metaKey,
      pen: event instanceof PointerEvent && event.pointerType === "pen",
      pressure: event instanceof PointerEvent ? event.pressure : 0,
    };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.#doing) return;
    this.stage.ornaments.focus({ preventScroll: true });
    this.stage.ornaments.setPointerCapture(event.pointerId);
    this.#last = { x: event.clientX, y: event.clientY };
    this.#doing = event.button === 1 || this.spaceHeld || this.tool().pans ? "pan" : "tool";
    if (this.spaceHeld) this.draggedWithSpace = true;
    if (event.button === 1) event.preventDefault();
    if (this.#doing === "tool") this.tool().press?.(this.stage.bench, this.#pointer(event));
    this.showCursor();
    this.stage.redrawOrnaments();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (this.#doing === "pan") {
      this.stage.view.pan(event.clientX - this.#last.x, event.clientY - this.#last.y);
      this.#last = { x: event.clientX, y: event.clientY };
      this.stage.redraw();
    } else if (this.#doing === "tool") {
      // The browser hands over what the pen did between two frames of the screen.
      const passed = event.getCoalescedEvents?.() ?? [];
      const points = (passed.length ? passed : [event]).map((one) => this.#pointer(one));
      this.tool().drag?.(this.stage.bench, points);
    }
    this.#hover(event);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (this.#doing === "tool") this.tool().release?.(this.stage.bench, this.#pointer(event));
    this.#doing = null;
    this.showCursor();
    this.stage.redrawOrnaments();
  }

  /** @param {PointerEvent | null} event */
  #hover(event) {
    this.over = event ? this.#pointer(event) : null;
    this.tool().hover?.(this.stage.bench, this.over);
    this.stage.redrawOrnaments();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const box = this.stage.ornaments.getBoundingClientRect();
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
    this.stage.view.zoom(Math.exp(-step * FINE), event.clientX - box.left, event.clientY - box.top);
    this.stage.redraw();
    this.stage.redrawOrnaments();
  }
}
