/**
 * The things used last.
 *
 * @template K, V
 */
export class Recent {
  /** @type {Map<K, V>} */
  #items = new Map();
  #weight = 0;

  /**
   * @param {number} capacity the weight of all of them at most; the newest stays, whatever it weighs
   * @param {(value: V) => number} [weigh]
   */
  constructor(capacity, weigh = () => 1) {
    this.capacity = capacity;
    this.weigh = weigh;
  }

  /**
   * @param {K} key
   * @param {() => V} make
   * @returns {V}
   */
  get(key, make) {
    const isNew = !this.#items.has(key);
    const value = isNew ? make() : /** @type {V} */ (this.#items.get(key));
    if (isNew) this.#weight += this.weigh(value);
    else this.#items.delete(key);
    this.#items.set(key, value);
    for (const [old, left] of this.#items) {
      if (this.#weight <= this.capacity || old === key) break;
      this.#items.delete(old);
      this.#weight -= this.weigh(left);
    }
    return value;
  }

  /** @param {K} key */
  has(key) {
    return this.#items.has(key);
  }

  /** @param {K} key */
  forget(key) {
    if (!this.#items.has(key)) return;
    this.#weight -= this.weigh(/** @type {V} */ (this.#items.get(key)));
    this.#items.delete(key);
  }
}
