/**
 * The things used last.
 *
 * @template K, V
 */
export class Recent {
  /** @type {Map<K, V>} */
  #items = new Map();

  /** @param {number} capacity */
  constructor(capacity) {
    this.capacity = capacity;
  }

  /**
   * @param {K} key
   * @param {() => V} make
   * @returns {V}
   */
  get(key, make) {
    const value = this.#items.has(key) ? /** @type {V} */ (this.#items.get(key)) : make();
    this.#items.delete(key);
    this.#items.set(key, value);
    if (this.#items.size > this.capacity) this.#items.delete(/** @type {K} */ (this.#items.keys().next().value));
    return value;
  }
}
