/** Larger buffers are rare, and not kept. */
const LARGEST = 1024 * 1024;
const SMALLEST = 16 * 1024;
/** Buffers of each size that are kept. */
const KEPT = 4;

/**
 * Gives out buffers and takes them back: memory for bodies would otherwise be asked for and given up thousands of times a
 * second.
 */
class BufferPool {
  readonly #free = new Map<number, Buffer[]>();

  /** A buffer of at least so many bytes; not emptied. */
  take(bytes: number): Buffer {
    if (bytes > LARGEST) return Buffer.allocUnsafeSlow(bytes);
    const size = sizeFor(bytes);
    return this.#free.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes back a buffer of {@link take}, or a part of one, that nobody uses any more. */
  giveBack(part: Buffer): void {
    const size = part.buffer.byteLength;
    if (size > LARGEST) return;
    const buffer = Buffer.from(part.buffer);
    const free = this.#free.get(size);
    if (!free) this.#free.set(size, [buffer]);
    else if (free.length < KEPT) free.push(buffer);
  }
}

/** The buffers of this process: bodies of requests and of answers. */
export const buffers = new BufferPool();

/** The power of two from which a buffer is taken. */
function sizeFor(bytes: number): number {
  let size = SMALLEST;
  while (size < bytes) size *= 2;
  return size;
}
