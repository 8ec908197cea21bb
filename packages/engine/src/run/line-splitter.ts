/** Longest line that stays one entry, in bytes of UTF-8 (container-api.md 8.9). */
export const MAX_LINE_BYTES = 16 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts a stream of bytes into lines of text.
 *
 * Lines end at `\n` (a `\r` before it belongs to the break); a last line without a break counts; what is longer
 * than {@link MAX_LINE_BYTES} is handed over in pieces, never cut inside a character; invalid UTF-8 becomes
 * U+FFFD. Memory is bounded by one piece.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes and hands over the lines they complete. */
  write(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    while (start < bytes.length) {
      const lineBreak = bytes.indexOf(LINE_FEED, start);
      // A piece is cut before the break is in sight, so that an endless line costs no memory.
      const end = lineBreak < 0 ? bytes.length : lineBreak;
      if (end - start > MAX_LINE_BYTES) {
        const cut = characterBoundary(bytes, start + MAX_LINE_BYTES, start);
        this.#emit(bytes.subarray(start, cut));
        start = cut;
      } else if (lineBreak < 0) {
        break;
      } else {
        const withReturn = end > start && bytes[end - 1] === CARRIAGE_RETURN;
        this.#emit(bytes.subarray(start, withReturn ? end - 1 : end));
        start = lineBreak + 1;
      }
    }
    // A copy, because the rest would keep the whole chunk alive.
    this.#rest = start < bytes.length ? Buffer.from(bytes.subarray(start)) : Buffer.alloc(0);
  }

  /** Hands over what is left as the last line. */
  end(): void {
    if (this.#rest.length > 0) this.#emit(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  #emit(bytes: Buffer): void {
    this.#onLine(this.#decoder.decode(bytes));
  }
}

/** The nearest position at or before `index` that does not lie inside a UTF-8 character. */
function characterBoundary(bytes: Buffer, index: number, lowest: number): number {
  let position = index;
  // Continuation bytes look like 10xxxxxx; a character has at most three of them.
  while (position > index - 3 && position > lowest + 1 && (bytes[position]! & 0xc0) === 0x80) position -= 1;
  return (bytes[position]! & 0xc0) === 0x80 ? index : position;
}
