const MEBIBYTE = 1024 * 1024;
/** Bodies up to this size are worked on side by side, as long as they stay under {@link SMALL_TOTAL} together. */
const SMALL_BODY = 8 * MEBIBYTE;
const SMALL_TOTAL = 32 * MEBIBYTE;
/** A body of unknown length may begin with so much: most are over by then. */
const FIRST_STEP = 256 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

/**
 * Lets bodies into memory (container-api.md 2.10): those over 8 MiB one at a time, the smaller ones up to 32 MiB together.
 * A call that has to wait is left unread in its connection.
 */
export class BodyGate {
  #smallBytes = 0;
  #largeInside = false;
  readonly #small: Waiting[] = [];
  readonly #large: Waiting[] = [];

  /** A place for a body of known or unknown (null) length. */
  ticket(length: number | null): BodyTicket {
    return new BodyTicket(this, length ?? FIRST_STEP);
  }

  /** Waits for room. A place that is free is given without waiting. */
  enter(bytes: number): Promise<void> | undefined {
    if (this.#fits(bytes)) {
      this.#take(bytes);
      return undefined;
    }
    return new Promise((resolve) => {
      (bytes > SMALL_BODY ? this.#large : this.#small).push({ bytes, enter: resolve });
    });
  }

  leave(bytes: number): void {
    if (bytes > SMALL_BODY) this.#largeInside = false;
    else this.#smallBytes -= bytes;
    for (const queue of [this.#large, this.#small]) {
      while (queue.length > 0 && this.#fits(queue[0]!.bytes)) {
        const next = queue.shift()!;
        this.#take(next.bytes);
        next.enter();
      }
    }
  }

  #fits(bytes: number): boolean {
    return bytes > SMALL_BODY ? !this.#largeInside : this.#smallBytes + bytes <= SMALL_TOTAL;
  }

  #take(bytes: number): void {
    if (bytes > SMALL_BODY) this.#largeInside = true;
    else this.#smallBytes += bytes;
  }
}

/** The place of one body, which may have to grow. */
export class BodyTicket {
  readonly #gate: BodyGate;
  #bytes: number;

  constructor(gate: BodyGate, bytes: number) {
    this.#gate = gate;
    this.#bytes = bytes;
  }

  /** Waits until the body may be read. */
  enter(): Promise<void> | undefined {
    return this.#gate.enter(this.#bytes);
  }

  /** Waits until so many bytes are allowed, in three steps: the first one, a small body, any body. */
  async grow(bytes: number): Promise<void> {
    while (bytes > this.#bytes && this.#bytes <= SMALL_BODY) {
      const next = this.#bytes < SMALL_BODY ? SMALL_BODY : SMALL_BODY + 1;
      // The old place is given up first: two bodies that wait for each other's room would wait for ever.
      this.#gate.leave(this.#bytes);
      this.#bytes = 0;
      await this.#gate.enter(next);
      this.#bytes = next;
    }
  }

  leave(): void {
    this.#gate.leave(this.#bytes);
    this.#bytes = 0;
  }
}
