/** What the models tell the screen with: named events, no DOM. */
export class Emitter {
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #listeners = new Map();

  /**
   * @param {string} names one or more, separated by spaces
   * @param {(detail: any) => void} listener
   */
  on(names, listener) {
    for (const name of names.split(" ")) {
      const listeners = this.#listeners.get(name) ?? new Set();
      listeners.add(listener);
      this.#listeners.set(name, listeners);
    }
    return this;
  }

  /**
   * @param {string} name
   * @param {any} [detail]
   */
  emit(name, detail) {
    for (const listener of this.#listeners.get(name) ?? []) listener(detail);
  }

  /** Each in turn; a listener that fails keeps nothing from the others. @param {[string, any][]} news names and details */
  emitAll(news) {
    for (const [name, detail] of news) {
      try {
        this.emit(name, detail);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    }
  }
}
