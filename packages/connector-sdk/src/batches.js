// @ts-check
/**
 * @typedef {object} Batch
 * @property {string[]} items JSON of each
 * @property {number} first how many items went before
 */

/**
 * Collects items and sends them in batches, one at a time and in order. While one is on its way the next one fills; whoever
 * waits for `add` is held back when that is full, too.
 */
export class Batches {
  #send;
  #maxItems;
  #maxBytes;
  /** @type {string[]} */
  #items = [];
  #bytes = 0;
  #first = 0;
  /** Ends when everything sent so far is stored. */
  #tail = DONE;
  /** @type {{ error: unknown } | null} */
  #failure = null;

  /**
   * @param {(batch: Batch) => Promise<void>} send
   * @param {{ maxItems: number, maxBytes: number }} limits
   */
  constructor(send, { maxItems, maxBytes }) {
    this.#send = send;
    this.#maxItems = atLeastOne('The rows of a batch', maxItems);
    this.#maxBytes = atLeastOne('The bytes of a batch', maxBytes);
  }

  /** Items handed over so far. */
  get count() {
    return this.#first + this.#items.length;
  }

  /**
   * @param {string} json
   * @returns {Promise<void>} when there is room for more
   */
  add(json) {
    if (this.#failure) return Promise.reject(this.#failure.error);
    const bytes = Buffer.byteLength(json) + 1;
    const held = this.#bytes + bytes > this.#maxBytes && this.#items.length > 0 ? this.#cut() : DONE;
    this.#items.push(json);
    this.#bytes += bytes;
    return this.#items.length >= this.#maxItems ? this.#cut() : held;
  }

  /** Sends what is there and waits until all is stored. */
  async flush() {
    if (this.#items.length > 0 && !this.#failure) void this.#cut().catch(() => {});
    await this.#tail;
  }

  /** Puts the batch behind those on their way. The promise ends when these are stored. */
  #cut() {
    const batch = { items: this.#items, first: this.#first };
    this.#first += this.#items.length;
    this.#items = [];
    this.#bytes = 0;
    const before = this.#tail;
    this.#tail = before.then(() => this.#send(batch));
    // Whoever writes next is told; nobody may be waiting now.
    this.#tail.catch((error) => {
      this.#failure ??= { error };
    });
    return before;
  }
}

const DONE = Promise.resolve();

/**
 * @param {string} what
 * @param {number} value
 */
function atLeastOne(what, value) {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${what} should be 1 or more.`);
  return value;
}
