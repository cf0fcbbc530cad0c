/** IndexedDB as promises, for what must outlive the page. */

/**
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 * @template T
 */
export const result = (request) =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

/** One object store, in a database of its own: another store would need a version, and a version needs every tab closed. */
export class Store {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;

  /**
   * @param {string} database
   * @param {string} store
   * @param {"strict" | "relaxed"} durability strict: flushed to the disk before a write counts as done
   */
  constructor(database, store, durability) {
    this.database = database;
    this.store = store;
    this.durability = durability;
  }

  /**
   * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
   * @returns {Promise<T>}
   * @template T
   */
  async read(ask) {
    const database = await this.#open();
    return result(ask(database.transaction(this.store).objectStore(this.store)));
  }

  /**
   * @param {(store: IDBObjectStore) => T} work
   * @returns {Promise<T>} once the transaction is complete
   * @template T
   */
  async write(work) {
    const database = await this.#open();
    return new Promise((done, fail) => {
      const transaction = database.transaction(this.store, "readwrite", { durability: this.durability });
      const value = work(transaction.objectStore(this.store));
      transaction.oncomplete = () => done(value);
      transaction.onerror = transaction.onabort = () => fail(transaction.error);
    });
  }

  #open() {
    this.#opening ??= new Promise((done, fail) => {
      const request = indexedDB.open(this.database, 1);
      request.onupgradeneeded = () => {
        const made = request.result.createObjectStore(this.store, { keyPath: "seq", autoIncrement: true });
        made.createIndex("task", "task");
      };
      request.onsuccess = () => {
        const database = request.result;
        // The browser may take a database away: its data were cleared, or the disk was full. The next use opens anew.
        const forget = () => (this.#opening = null);
        database.onclose = forget;
        database.onversionchange = () => {
          database.close();
          forget();
        };
        done(database);
      };
      request.onerror = () => {
        this.#opening = null;
        fail(request.error);
      };
    });
    return this.#opening;
  }
}
