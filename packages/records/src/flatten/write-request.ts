import { isUtf8 } from 'node:buffer';
import { JsonScanner, MalformedJsonError } from '../json/json-scanner.ts';
import { checkUtf8, decodeString, prepareJson, skipByteOrderMark } from '../json/json-text.ts';
import type { ByteSink } from './byte-sink.ts';
import type { ColumnRegister } from './column-register.ts';
import { RowFlattener, type RowProblem } from './row-flattener.ts';

const NEWLINE = 0x0a;
const COLON = 0x3a;
const LIST_OPEN = 0x5b;
const LIST_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/** Wrong elements that one answer reports (container-api.md 5.7). */
export const MAX_REPORTED_ROWS = 20;

/** What is wrong with the field `meta` or `meta.separator` of a write. */
export type MetaProblem = 'meta-not-an-object' | 'separator-not-text';

/** What came of reading one call's rows; lines and columns are in the flattener. */
export interface FlattenedCall {
  readonly flattener: RowFlattener;
  /** Index of the element → problem, for the first wrong ones. */
  readonly wrongRows: ReadonlyMap<number, RowProblem>;
  /** False when the call brought no list, or an empty one. */
  readonly hasRows: boolean;
  readonly metaProblem: MetaProblem | null;
}

/** Reads the rows of a call in steps, so that a large body does not hold up other calls. */
export interface RowReader {
  /**
   * Reads on.
   *
   * @param bytes ends the step at the first row border behind so many bytes of the text
   * @returns true when all has been read
   * @throws {MalformedJsonError}
   */
  step(bytes: number): boolean;
  readonly call: FlattenedCall;
}

/** What reading needs to know about the stream that is written to. */
export interface FlattenTarget {
  readonly columns: ColumnRegister;
  /** Used when the call names no separator. */
  readonly separator: string;
  /** Where lines are collected; emptied first. One of its own when left out. */
  readonly sink?: ByteSink;
}

/**
 * Reads the body of a write, `{"meta":{"separator":"-"},"data":[…]}`, in one walk.
 *
 * When `meta` comes behind `data` with another separator, or `data` comes twice (the last one counts), the rows
 * are read again.
 */
export class WriteRequestReader implements RowReader {
  readonly #scanner: JsonScanner;
  readonly #target: FlattenTarget;
  #flattener: RowFlattener;
  #wrongRows = new Map<number, RowProblem>();
  #hasRows = false;
  #metaProblem: MetaProblem | null = null;
  #separator: string;
  /** Separator the rows were read with. */
  #usedSeparator: string;
  /** Where the list of rows begins that counts so far; -1 when `data` was no list. */
  #dataAt = -1;
  #position: 'start' | 'fields' | 'rows' | 'rows-again' | 'end' = 'start';

  /**
   * @param body the body with one more byte behind it, which is overwritten
   * @throws {MalformedJsonError} when it is no UTF-8
   */
  constructor(body: Buffer, target: FlattenTarget) {
    this.#scanner = new JsonScanner(prepareJson(body));
    this.#target = target;
    this.#separator = target.separator;
    this.#usedSeparator = target.separator;
    this.#flattener = this.#newFlattener();
  }

  get call(): FlattenedCall {
    return {
      flattener: this.#flattener,
      wrongRows: this.#wrongRows,
      hasRows: this.#hasRows,
      metaProblem: this.#metaProblem,
    };
  }

  step(bytes: number): boolean {
    const until = this.#scanner.at + bytes;
    while (this.#position !== 'end') {
      if (this.#position === 'start') this.#begin();
      else if (this.#position === 'fields') this.#fields();
      else if (!this.#rows(until)) return false;
    }
    return true;
  }

  #begin(): void {
    const scanner = this.#scanner;
    const first = scanner.peek();
    // An empty body, and JSON that is no object, count as an object without fields.
    if (scanner.at === scanner.bytes.length - 1) {
      this.#position = 'end';
    } else if (first !== OBJECT_OPEN) {
      scanner.value(0);
      this.#finish();
    } else {
      scanner.at++;
      if (scanner.closes(OBJECT_CLOSE)) this.#finish();
      else this.#position = 'fields';
    }
  }

  /** Takes fields up to the rows, or to the end of the object. */
  #fields(): void {
    const scanner = this.#scanner;
    do {
      scanner.peek();
      const start = scanner.at;
      scanner.string();
      const name = decodeString((scanner.bytes as Buffer).subarray(start, scanner.at));
      scanner.expect(COLON);
      const first = scanner.peek();
      if (name === 'data') {
        this.#restart(first === LIST_OPEN ? scanner.at : -1);
        if (this.#dataAt !== -1) {
          this.#enterRows('rows');
          return;
        }
      }
      const valueAt = scanner.at;
      scanner.value(1);
      if (name === 'meta') this.#meta(scanner.bytes.subarray(valueAt, scanner.at) as Buffer);
    } while (scanner.more(OBJECT_CLOSE));
    this.#finish();
  }

  #restart(dataAt: number): void {
    this.#dataAt = dataAt;
    this.#hasRows = false;
    this.#wrongRows = new Map();
    this.#usedSeparator = this.#separator;
    this.#flattener = this.#newFlattener();
  }

  /** Stands at the first row afterwards, or behind an empty list. */
  #enterRows(position: 'rows' | 'rows-again'): void {
    this.#scanner.at++;
    this.#position = position;
    if (this.#scanner.closes(LIST_CLOSE)) this.#leaveRows();
  }

  /** @returns false when the step is over before the rows are */
  #rows(until: number): boolean {
    const scanner = this.#scanner;
    this.#hasRows = true;
    do {
      if (scanner.at >= until) return false;
      noteRow(this.#flattener, scanner, 2, this.#wrongRows);
      // The position stays right when the step ends here: behind a comma, before the next row.
    } while (scanner.more(LIST_CLOSE));
    this.#leaveRows();
    return true;
  }

  #leaveRows(): void {
    if (this.#position === 'rows-again') {
      this.#position = 'end';
      return;
    }
    this.#position = 'fields';
    if (!this.#scanner.more(OBJECT_CLOSE)) this.#finish();
  }

  #meta(text: Buffer): void {
    const value: unknown = JSON.parse(text.toString('utf8'));
    this.#separator = this.#target.separator;
    this.#metaProblem = null;
    if (value === null || (Array.isArray(value) && value.length === 0)) return;
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.#metaProblem = 'meta-not-an-object';
      return;
    }
    const separator = Object.hasOwn(value, 'separator') ? (value as { separator: unknown }).separator : null;
    if (typeof separator === 'string') this.#separator = separator.toWellFormed();
    else if (separator !== null) this.#metaProblem = 'separator-not-text';
  }

  /** The object is over: nothing but white space may follow. */
  #finish(): void {
    const scanner = this.#scanner;
    if (scanner.peek() !== 0 || scanner.at !== scanner.bytes.length - 1) scanner.fail();
    if (this.#hasRows && this.#usedSeparator !== this.#separator) {
      scanner.at = this.#dataAt;
      this.#restart(this.#dataAt);
      this.#enterRows('rows-again');
    } else {
      this.#position = 'end';
    }
  }

  #newFlattener(): RowFlattener {
    const { columns, sink } = this.#target;
    return new RowFlattener(columns.paths(this.#separator), columns.room, sink);
  }
}

/** Takes the next row and notes what is wrong with it. */
function noteRow(
  flattener: RowFlattener,
  scanner: JsonScanner,
  depth: number,
  wrongRows: Map<number, RowProblem>,
): void {
  const problem = flattener.row(scanner, depth);
  if (problem === null) return;
  if (wrongRows.size < MAX_REPORTED_ROWS) wrongRows.set(flattener.rows - 1, problem);
  // A refused call writes nothing: its lines need not be kept.
  flattener.lines.length = 0;
}

/** What came of reading NDJSON rows. */
export interface FlattenedLines extends FlattenedCall {
  /** Index of the row whose line is no JSON; it ended the check. */
  readonly malformedRow: number | null;
}

/** Reads rows one per line, as they arrive; empty lines are skipped (container-api.md 5.7, NDJSON). */
export class RowLinesReader {
  readonly #flattener: RowFlattener;
  readonly #wrongRows = new Map<number, RowProblem>();
  #malformedRow: number | null = null;

  constructor(target: FlattenTarget) {
    this.#flattener = new RowFlattener(
      target.columns.paths(target.separator),
      target.columns.room,
      target.sink,
    );
  }

  get call(): FlattenedLines {
    return {
      flattener: this.#flattener,
      wrongRows: this.#wrongRows,
      hasRows: this.#flattener.rows > 0 || this.#malformedRow !== null,
      metaProblem: null,
      malformedRow: this.#malformedRow,
    };
  }

  /**
   * Takes whole lines.
   *
   * @param block lines, each with its line break; the line breaks are overwritten
   */
  lines(block: Buffer): void {
    const valid = isUtf8(block);
    const scanner = new JsonScanner(block);
    for (let start = 0; start < block.length && this.#malformedRow === null; ) {
      const end = block.indexOf(NEWLINE, start);
      block[end] = 0;
      const before = this.#flattener.rows;
      try {
        if (!valid) checkUtf8(block.subarray(start, end));
        this.#line(scanner, start, end);
      } catch (error) {
        if (!(error instanceof MalformedJsonError)) throw error;
        this.#malformedRow = before;
        this.#flattener.lines.length = 0;
      }
      start = end + 1;
    }
  }

  #line(scanner: JsonScanner, start: number, end: number): void {
    scanner.at = skipByteOrderMark(scanner.bytes, start);
    if (scanner.peek() === 0 && scanner.at === end) return;
    noteRow(this.#flattener, scanner, 0, this.#wrongRows);
    if (scanner.peek() !== 0 || scanner.at !== end) scanner.fail();
  }
}
