import { JsonScanner } from '../json/json-scanner.ts';
import { ByteSink } from './byte-sink.ts';
import { FlatLine } from './flat-line.ts';
import type { Column, PathNode, PathTable } from './paths.ts';

/** Levels of objects and lists that a row may have, itself being level 1 (container-api.md 2.6). */
export const MAX_ROW_DEPTH = 64;

/** Why a row can not be written, in the order in which one hides the other (container-api.md 5.7). */
export type RowProblem = 'not-an-object' | 'empty-name' | 'long-name' | 'too-deep';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const LIST_OPEN = 0x5b;
const LIST_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const BLANK = 0x20;

/** Calls have serial numbers, so that a column knows whether it is new in this one. */
let lastCall = 0;

/**
 * Turns rows, as JSON text, into lines of flat JSON objects whose values are text (container-api.md 6). No value is
 * built: bytes go from the text to the line as they are, with quotes round what is no string.
 *
 * One object serves one call: it collects the call's lines, its new columns and what is wrong with its rows.
 */
export class RowFlattener {
  /** The lines, each with its line break. */
  readonly lines: ByteSink;
  /** Columns that the stream has not yet, in order of first appearance. */
  readonly newColumns: Column[] = [];
  /** Rows so far. */
  rows = 0;
  /** True when the call has more new columns than it may: its lines are no longer kept. */
  tooManyColumns = false;

  readonly #paths: PathTable;
  readonly #call = ++lastCall;
  readonly #newColumnLimit: number;
  readonly #line: FlatLine;
  /** Whether each value of the row is written by itself. */
  #oneByOne = false;
  #problem: RowProblem | null = null;

  /**
   * @param paths names of the places of rows, for the separator of the call
   * @param newColumnLimit how many columns more the stream may get
   * @param lines where the lines go; emptied
   */
  constructor(paths: PathTable, newColumnLimit: number, lines = new ByteSink(64 * 1024)) {
    this.#paths = paths;
    this.#newColumnLimit = newColumnLimit;
    this.lines = lines;
    this.#line = new FlatLine(lines);
    lines.length = 0;
  }

  /**
   * Takes the value at the scanner as the next row.
   *
   * @param depth levels of JSON around the row
   * @returns what is wrong with the row, null when its line was appended
   * @throws {MalformedJsonError}
   */
  row(scanner: JsonScanner, depth: number): RowProblem | null {
    this.rows++;
    const first = scanner.peek();
    if (first !== OBJECT_OPEN) return this.#other(scanner, first, depth);
    if (this.tooManyColumns) {
      scanner.value(depth);
      return null;
    }
    const { at } = scanner;
    this.#read(scanner, depth, false);
    if (this.#line.spoilt) {
      scanner.at = at;
      this.#line.drop();
      this.#read(scanner, depth, true);
    }
    if (this.#problem !== null || this.tooManyColumns) {
      this.#line.drop();
      return this.#problem;
    }
    this.#line.end();
    return null;
  }

  #read(scanner: JsonScanner, depth: number, oneByOne: boolean): void {
    this.#problem = null;
    this.#oneByOne = oneByOne;
    this.#line.begin();
    this.#object(scanner, this.#paths.root(), depth + 1, depth);
  }

  /** An element that is no object; an empty list counts as an empty one. */
  #other(scanner: JsonScanner, first: number, depth: number): RowProblem | null {
    const from = scanner.at;
    scanner.value(depth);
    if (first !== LIST_OPEN) return 'not-an-object';
    const inside = new JsonScanner(scanner.bytes, from + 1);
    if (inside.peek() !== LIST_CLOSE) return 'not-an-object';
    this.#line.begin();
    this.#line.end();
    return null;
  }

  /** @param around levels of JSON around the row, which do not count for the row's depth */
  #object(scanner: JsonScanner, parent: PathNode, depth: number, around: number): void {
    scanner.enter(depth);
    if (depth - around > MAX_ROW_DEPTH) this.#complain('too-deep');
    if (scanner.closes(OBJECT_CLOSE)) {
      if (depth - around > 1) this.#leaf(parent, scanner, scanner.at, scanner.at);
      return;
    }
    let guess = parent.first;
    let previous: PathNode | null = null;
    if (depth - around === 1 && !this.#oneByOne) {
      previous = this.#verbatim(scanner, guess);
      if (previous !== null) {
        if (scanner.bytes[scanner.at - 1] === OBJECT_CLOSE) return;
        guess = previous.next;
      }
    }
    do {
      const place = this.#key(scanner, parent, guess);
      if (place !== guess) {
        if (previous === null) parent.first = place;
        else previous.next = place;
      }
      previous = place;
      guess = place.next;
      if (scanner.bytes[scanner.at] === COLON) scanner.at++;
      else scanner.expect(COLON);
      this.#value(scanner, place, depth, around);
    } while (scanner.more(OBJECT_CLOSE));
  }

  /**
   * Takes the first members of a row as far as they look like those of the row before and have texts, numbers and words
   * as values: their text is copied in one piece from one value that is no text to the next.
   *
   * @param guess first key of the row before
   * @returns the last key that was taken, with the comma or brace behind its value; null when there was none
   */
  #verbatim(scanner: JsonScanner, guess: PathNode | null): PathNode | null {
    const { bytes } = scanner;
    const line = this.#line;
    let previous: PathNode | null = null;
    let at = scanner.at;
    let copied = at;
    while (guess?.verbatim) {
      const column: Column = guess.column!;
      const admitted = column.known || column.call === this.#call;
      if (!admitted || line.has(column)) break;
      scanner.at = at;
      if (!scanner.follows(column.spelled)) break;
      const start = at + column.literal.length;
      const first = bytes[start]!;
      if (first === OBJECT_OPEN || first === LIST_OPEN || first <= BLANK) break;
      scanner.at = start;
      if (first === QUOTE) scanner.string();
      else scanner.scalar(first);
      const end = scanner.at;
      const behind = bytes[end]!;
      if (behind !== COMMA && behind !== OBJECT_CLOSE) break;
      line.note(column);
      if (first !== QUOTE) {
        line.copy(bytes, copied, start);
        // null is the only word that begins with n; it becomes empty text.
        line.quote(bytes, first === 0x6e ? end : start, end);
        copied = end;
      }
      previous = guess;
      at = end + 1;
      if (behind === OBJECT_CLOSE) break;
      guess = guess.next;
    }
    scanner.at = at;
    // Without the comma or brace behind the last value.
    if (previous !== null) line.copy(bytes, copied, at - 1);
    return previous;
  }

  /** Takes a key: the guessed one at the price of comparing its bytes, otherwise by looking it up. */
  #key(scanner: JsonScanner, parent: PathNode, guess: PathNode | null): PathNode {
    scanner.peek();
    const { bytes, at } = scanner;
    if (guess !== null && scanner.follows(guess.key)) {
      scanner.at += guess.key.bytes.length;
      return guess;
    }
    scanner.string();
    return this.#paths.key(parent, bytes as Buffer, at, scanner.at);
  }

  #list(scanner: JsonScanner, parent: PathNode, depth: number, around: number): void {
    scanner.enter(depth);
    if (depth - around > MAX_ROW_DEPTH) this.#complain('too-deep');
    if (scanner.closes(LIST_CLOSE)) {
      this.#leaf(parent, scanner, scanner.at, scanner.at);
      return;
    }
    let index = 0;
    do this.#value(scanner, this.tooManyColumns ? parent : this.#paths.item(parent, index++), depth, around);
    while (scanner.more(LIST_CLOSE));
  }

  #value(scanner: JsonScanner, place: PathNode, depth: number, around: number): void {
    const byte = scanner.peek();
    const start = scanner.at;
    if (this.tooManyColumns) {
      // The call is refused in any case: what is left only has to be JSON.
      scanner.value(depth);
    } else if (byte === QUOTE) {
      scanner.string();
      this.#leaf(place, scanner, start + 1, scanner.at - 1);
    } else if (byte === OBJECT_OPEN) {
      this.#object(scanner, place, depth + 1, around);
    } else if (byte === LIST_OPEN) {
      this.#list(scanner, place, depth + 1, around);
    } else {
      scanner.scalar(byte);
      // null is the only word that begins with n; it becomes empty text.
      this.#leaf(place, scanner, byte === 0x6e ? scanner.at : start, scanner.at);
    }
  }

  /** Appends the value `bytes[start, end)`, the inside of a string literal, under the name of its place. */
  #leaf(place: PathNode, scanner: JsonScanner, start: number, end: number): void {
    const column = place.column ?? this.#paths.column(place);
    if (!column.known && !this.#admit(column)) return;
    this.#line.value(column, scanner.bytes, start, end);
  }

  /** Notes a column that the stream has not yet; false when its values can not be written. */
  #admit(column: Column): boolean {
    if (column.problem !== null) {
      this.#complain(column.problem === 'empty' ? 'empty-name' : 'long-name');
      return false;
    }
    if (column.call === this.#call) return true;
    if (this.newColumns.length >= this.#newColumnLimit) {
      this.tooManyColumns = true;
      return false;
    }
    column.call = this.#call;
    this.newColumns.push(column);
    return true;
  }

  /** Of several problems of a row the one that comes first in {@link RowProblem} counts. */
  #complain(problem: RowProblem): void {
    const order: readonly (RowProblem | null)[] = ['empty-name', 'long-name', 'too-deep', null];
    if (order.indexOf(problem) < order.indexOf(this.#problem)) this.#problem = problem;
  }
}
