import type { ByteSink } from './byte-sink.ts';
import type { Column } from './paths.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const NEWLINE = 0x0a;
/** From here on the native copy is faster than a loop. */
const LONG_COPY = 48;

/** Rows have serial numbers, so that a column knows whether it was seen in this row without being reset. */
let lastRow = 0;

/** The line of a row as it is written: a flat object whose values are texts, each column once. One object serves many rows. */
export class FlatLine {
  readonly #sink: ByteSink;
  /** Where the line begins in the sink. */
  #begin = 0;
  #row = 0;
  /** The columns of the row, and where the value of each stands in the sink, unless some were only noted. */
  readonly #columns: Column[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;
  #repeated = false;
  #placed = true;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  begin(): void {
    this.#begin = this.#sink.length;
    this.#row = ++lastRow;
    this.#count = 0;
    this.#repeated = false;
    this.#placed = true;
    this.#byte(OBJECT_OPEN);
  }

  /** True when a name came up again, and it is not known where all values stand: the row has to be read again. */
  get spoilt(): boolean {
    return this.#repeated && !this.#placed;
  }

  end(): void {
    if (this.#repeated) this.#rewrite();
    const block = this.#sink.reserve(2);
    block[this.#sink.length++] = OBJECT_CLOSE;
    block[this.#sink.length++] = NEWLINE;
  }

  /** Takes the line back. */
  drop(): void {
    this.#sink.length = this.#begin;
  }

  has(column: Column): boolean {
    return column.row === this.#row;
  }

  /** Appends a column with the value `bytes[start, end)`, the inside of a string literal; a value it had is replaced. */
  value(column: Column, bytes: Uint8Array, start: number, end: number): void {
    const sink = this.#sink;
    if (this.has(column)) this.#repeated = true;
    else {
      const { literal } = column;
      const block = sink.reserve(literal.length + 1);
      let to = sink.length;
      if (this.#count > 0) block[to++] = COMMA;
      for (let index = 0; index < literal.length; index++) block[to++] = literal[index]!;
      sink.length = to;
      column.row = this.#row;
      column.slot = this.#count;
      this.#columns[this.#count++] = column;
    }
    this.#starts[column.slot] = sink.length;
    this.quote(bytes, start, end);
    this.#ends[column.slot] = sink.length;
  }

  /** Notes a column whose text is copied as it is, together with others. */
  note(column: Column): void {
    column.row = this.#row;
    this.#count++;
    this.#placed = false;
  }

  /** Appends bytes as they are. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    const block = this.#sink.reserve(end - start);
    let to = this.#sink.length;
    if (end - start < LONG_COPY) for (let from = start; from < end; from++) block[to++] = bytes[from]!;
    else to += (bytes as Buffer).copy(block, to, start, end);
    this.#sink.length = to;
  }

  /** Appends bytes with quotes round them. */
  quote(bytes: Uint8Array, start: number, end: number): void {
    this.#byte(QUOTE);
    this.copy(bytes, start, end);
    this.#byte(QUOTE);
  }

  #byte(byte: number): void {
    this.#sink.reserve(1)[this.#sink.length++] = byte;
  }

  /** Writes the line anew in which a name came up again: the later value at the place of the first. */
  #rewrite(): void {
    const begin = this.#begin;
    const line = Buffer.from(this.#sink.view().subarray(begin));
    this.#sink.length = begin + 1;
    for (let slot = 0; slot < this.#count; slot++) {
      if (slot > 0) this.#byte(COMMA);
      this.#sink.push(this.#columns[slot]!.literal);
      this.#sink.push(line.subarray(this.#starts[slot]! - begin, this.#ends[slot]! - begin));
    }
  }
}
