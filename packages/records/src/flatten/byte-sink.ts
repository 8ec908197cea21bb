/** A growing block of bytes that is written from front to back and used again. */
export class ByteSink {
  #block: Buffer;
  /** Bytes that have been written. */
  length = 0;

  /** @param capacity bytes to begin with */
  constructor(capacity: number) {
    this.#block = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for `count` more bytes; answers with the block, to be written at {@link length}. */
  reserve(count: number): Buffer {
    const needed = this.length + count;
    if (needed > this.#block.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#block.length * 2));
      grown.set(this.#block.subarray(0, this.length));
      this.#block = grown;
    }
    return this.#block;
  }

  /** Appends bytes. */
  push(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Forgets the first bytes. */
  dropFront(count: number): void {
    this.#block.copyWithin(0, count, this.length);
    this.length -= count;
  }

  /** What has been written, without a copy: valid until the next write. */
  view(): Buffer {
    return this.#block.subarray(0, this.length);
  }
}
