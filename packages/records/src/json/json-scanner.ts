/** The bytes are no JSON as RFC 8259 and container-api.md 2.2 want it. */
export class MalformedJsonError extends Error {
  override readonly name = 'MalformedJsonError';
}

/** Levels of objects and lists that a body may have (container-api.md 2.2). */
const MAX_JSON_DEPTH = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LIST_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const LIST_CLOSE = 0x5d;
const LOWER_U = 0x75;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/** What may follow a backslash, besides `u`: `"`, `\`, `/`, `b`, `f`, `n`, `r`, `t`. */
const ESCAPABLE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPABLE[byte] = 1;

/** Value of a hexadecimal digit, 255 for any other byte. */
const HEX = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  HEX[value.toString(16).charCodeAt(0)] = value;
  HEX[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/** U+FFFD with its escape's own spelling: as long as the escape it replaces. */
const REPLACEMENT = Buffer.from('fffd');

/** Bytes that text is compared with, four at a time. */
export class Expected {
  readonly bytes: Uint8Array;
  readonly words: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

/**
 * Walks over JSON text byte by byte without building values. The text must be valid UTF-8 and end with a byte that
 * no JSON token contains, such as 0: so no loop has to compare with the length.
 *
 * An escaped surrogate without its partner is overwritten by `\ufffd` in place, which has the same length.
 */
export class JsonScanner {
  readonly bytes: Uint8Array;
  /** The same bytes, to be read four at a time up to {@link #lastWord}. */
  readonly #words: DataView;
  readonly #lastWord: number;
  /** Position of the next byte to be looked at. */
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#lastWord = bytes.length - 4;
    this.at = at;
  }

  /** Skips white space and tells the byte that follows, which stays the next one. */
  peek(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at]!;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++this.at]!;
    return byte;
  }

  /** Skips white space and takes one byte that must follow. */
  expect(byte: number): void {
    if (this.peek() !== byte) this.fail();
    this.at++;
  }

  /** @throws {MalformedJsonError} always */
  fail(): never {
    throw new MalformedJsonError(`Unexpected byte at ${this.at}`);
  }

  /** Takes a string literal, from its opening quote to behind its closing one. */
  string(): void {
    const bytes = this.bytes;
    let at = this.at;
    if (bytes[at] !== QUOTE) this.fail();
    for (;;) {
      at = this.#skipPlain(at + 1);
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.at = at + 1;
        at = this.#escape();
      } else if (byte < 0x20) {
        this.at = at;
        this.fail();
      }
    }
    this.at = at + 1;
  }

  /**
   * The first quote, backslash or control character from `at` on. Four bytes are looked at in one go, by their highest
   * bits after a subtraction: it sets that bit of a byte that is smaller than what is subtracted. The quote
   * is smaller than 0x21 once its bit 0x02 has been turned, as control characters are.
   */
  #skipPlain(at: number): number {
    const words = this.#words;
    const last = this.#lastWord;
    while (at <= last) {
      const word = words.getInt32(at, true);
      const low = word ^ 0x02020202;
      const slashed = word ^ 0x5c5c5c5c;
      if ((((low - 0x21212121) & ~low) | ((slashed - 0x01010101) & ~slashed)) & 0x80808080) break;
      at += 4;
    }
    const { bytes } = this;
    for (;;) {
      const byte = bytes[at]!;
      if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return at;
      at++;
    }
  }

  /** Whether these bytes follow. */
  follows(expected: Expected): boolean {
    const { bytes, at } = this;
    const { length } = expected.bytes;
    if (length < 4 || at + length > bytes.length) {
      for (let index = 0; index < length; index++) {
        if (bytes[at + index] !== expected.bytes[index]) return false;
      }
      return true;
    }
    const words = this.#words;
    for (let index = 0; index < length - 4; index += 4) {
      if (words.getInt32(at + index, true) !== expected.words.getInt32(index, true)) return false;
    }
    return words.getInt32(at + length - 4, true) === expected.words.getInt32(length - 4, true);
  }

  /** Checks the escape whose backslash has been taken; answers with the position of its last byte. */
  #escape(): number {
    const byte = this.bytes[this.at]!;
    if (byte !== LOWER_U) {
      if (ESCAPABLE[byte] === 0) this.fail();
      return this.at;
    }
    const start = this.at + 1;
    const unit = this.#codeUnit(start);
    if (unit < 0xd800 || unit > 0xdfff) return start + 3;
    const bytes = this.bytes;
    if (unit < 0xdc00 && bytes[start + 4] === BACKSLASH && bytes[start + 5] === LOWER_U) {
      const low = this.#codeUnit(start + 6);
      if (low >= 0xdc00 && low <= 0xdfff) return start + 9;
    }
    bytes.set(REPLACEMENT, start);
    return start + 3;
  }

  #codeUnit(start: number): number {
    let unit = 0;
    for (let at = start; at < start + 4; at++) {
      const digit = HEX[this.bytes[at]!]!;
      if (digit === 255) {
        this.at = at;
        this.fail();
      }
      unit = unit * 16 + digit;
    }
    return unit;
  }

  /** Takes a number. */
  number(): void {
    const bytes = this.bytes;
    let at = this.at;
    if (bytes[at] === MINUS) at++;
    if (bytes[at] === ZERO) at++;
    else at = this.#digits(at);
    if (bytes[at] === POINT) at = this.#digits(at + 1);
    if ((bytes[at]! | 0x20) === 0x65) {
      at++;
      if (bytes[at] === MINUS || bytes[at] === 0x2b) at++;
      at = this.#digits(at);
    }
    this.at = at;
  }

  /** Takes one or more digits; answers with the position behind them. */
  #digits(at: number): number {
    const bytes = this.bytes;
    const start = at;
    while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
    if (at === start) {
      this.at = at;
      this.fail();
    }
    return at;
  }

  /** Takes `true`, `false` or `null`. */
  word(): void {
    const { bytes, at } = this;
    const length = bytes[at] === 0x66 ? 5 : 4;
    const expected = bytes[at] === 0x74 ? TRUE : bytes[at] === 0x66 ? FALSE : NULL;
    for (let index = 0; index < length; index++) if (bytes[at + index] !== expected[index]) this.fail();
    this.at = at + length;
  }

  /**
   * Takes any value and checks it.
   *
   * @param depth levels of objects and lists around the value
   */
  value(depth: number): void {
    const byte = this.peek();
    if (byte === QUOTE) this.string();
    else if (byte === OBJECT_OPEN) this.#object(depth + 1);
    else if (byte === LIST_OPEN) this.#list(depth + 1);
    else this.scalar(byte);
  }

  /** Takes a number or a word that begins with `byte`. */
  scalar(byte: number): void {
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) this.number();
    else this.word();
  }

  /** @throws {MalformedJsonError} when `depth` is beyond the limit */
  enter(depth: number): void {
    if (depth > MAX_JSON_DEPTH) this.fail();
    this.at++;
  }

  /**
   * Takes the separator behind an element of a list or object.
   *
   * @returns false when `close` ended it
   */
  more(close: number): boolean {
    const byte = this.peek();
    this.at++;
    if (byte === COMMA) return true;
    if (byte !== close) this.fail();
    return false;
  }

  #object(depth: number): void {
    this.enter(depth);
    if (this.closes(OBJECT_CLOSE)) return;
    do {
      this.peek();
      this.string();
      this.expect(COLON);
      this.value(depth);
    } while (this.more(OBJECT_CLOSE));
  }

  #list(depth: number): void {
    this.enter(depth);
    if (this.closes(LIST_CLOSE)) return;
    do this.value(depth);
    while (this.more(LIST_CLOSE));
  }

  /** Takes `close` if it is the next byte: the object or list that was entered is empty. */
  closes(close: number): boolean {
    if (this.peek() !== close) return false;
    this.at++;
    return true;
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');
