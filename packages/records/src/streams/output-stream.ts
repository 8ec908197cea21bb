import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { ByteSink } from '../flatten/byte-sink.ts';
import { ColumnRegister } from '../flatten/column-register.ts';
import type { Column } from '../flatten/paths.ts';
import { AppendFile, StorageFailure } from './append-file.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import {
  CALL_END,
  closedPath,
  columnsPath,
  type OutputDescription,
  recoverOutput,
  removeUnaccepted,
  segmentPath,
} from './output-files.ts';
import { writeWhole } from './write-whole.ts';

const NEWLINE = 0x0a;
/** Complete files that may wait to be synced: rows that come faster than the disk takes them have to wait, too. */
const MOST_LEAVING = 16;

/** The stream was closed and takes no more rows. */
export class OutputClosedError extends Error {
  override readonly name = 'OutputClosedError';
}

/** The union of columns would be larger than {@link MAX_COLUMNS}. */
export class TooManyColumnsError extends Error {
  override readonly name = 'TooManyColumnsError';
}

/** Rows of one call, as flattening left them. */
export interface FlattenedRows {
  /** One line per row, each with its line break; at least one. The mark of the end of the call is added to it. */
  readonly lines: ByteSink;
  readonly rows: number;
  /** Columns the stream had not when the rows were flattened, in order of first appearance. */
  readonly newColumns: readonly Column[];
}

/**
 * An output stream on disk. Calls are appended whole or not at all and in the order in which `append` was called;
 * an append that is fulfilled survives the end of the process.
 */
export class OutputStream {
  readonly columns: ColumnRegister;
  readonly #path: string;
  readonly #columnFile: number;
  #columnBytes: number;
  #rows: number;
  /** Number of the file that is appended to, and the bytes of the files before it. */
  #number: number;
  #before: number;
  #file: AppendFile;
  #closed: boolean;
  #failure: StorageFailure | null = null;
  /** Fulfilled when a staged call has got its place; appends wait for it. */
  #placing: Promise<void> | null = null;
  #stagedCalls = 0;
  /** Files that are complete and on their way to the disk, and the last of them. */
  readonly #leaving = new Set<Promise<void>>();
  #lastLeaving: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    found: Awaited<ReturnType<typeof recoverOutput>>,
    file: AppendFile,
    closed: boolean,
  ) {
    this.#path = path;
    this.columns = new ColumnRegister(found.columns);
    this.#rows = found.rows;
    this.#number = found.lastNumber;
    this.#before = found.bytes - found.lastBytes;
    this.#file = file;
    this.#closed = closed;
    this.#columnFile = openSync(columnsPath(path), 'a', 0o600);
    this.#columnBytes = found.columnBytes;
    ftruncateSync(this.#columnFile, found.columnBytes);
  }

  /**
   * Opens a stream, which is made when missing; what a crash left of unanswered calls is cut off.
   *
   * @param path folder and name of the stream, such as `/run/output/feedback`; suffixes are added
   */
  static async open(path: string): Promise<OutputStream> {
    const found = await recoverOutput(path);
    await removeUnaccepted(path, found.lastNumber);
    const file = await AppendFile.open(segmentPath(path, found.lastNumber), found.lastBytes);
    return new OutputStream(path, found, file, (await readJsonFile(closedPath(path))) !== null);
  }

  /** Rows that were accepted. */
  get rows(): number {
    return this.#rows;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Why rows can no longer be stored, or null. */
  get failure(): StorageFailure | null {
    return this.#failure ?? this.#file.failure;
  }

  /** Bytes of all accepted rows and of those on their way. */
  get end(): number {
    return this.#before + this.#file.end;
  }

  /**
   * Appends the rows of one call.
   *
   * @param beforeStored called with the length the stream will have, just before the rows are handed over: what is
   * recorded there together with this length belongs to the call and counts only if its rows do
   * @throws {OutputClosedError}
   * @throws {TooManyColumnsError}
   * @throws {StorageFailure} and at every later call
   */
  async append(call: FlattenedRows, beforeStored?: (end: number) => void): Promise<void> {
    let bytes = endCall(call.lines);
    // The lines may change as soon as this waits.
    if (this.#placing) bytes = Buffer.from(bytes);
    while (this.#placing) await this.#placing;
    this.#check(call.newColumns);
    this.#announce(call.newColumns, this.end + bytes.length, beforeStored);
    await this.#file.append(bytes);
    this.#rows += call.rows;
  }

  /**
   * Begins a call whose rows are too many to be held in memory.
   *
   * @throws {StorageFailure}
   */
  async stage(): Promise<StagedRows> {
    const path = `${this.#path}.staged.${++this.#stagedCalls}.ndjson`;
    try {
      return new StagedRows(path, await AppendFile.open(path, 0));
    } catch (error) {
      throw new StorageFailure('The data could not be stored.', { cause: error });
    }
  }

  /**
   * Appends the rows of a staged call, its last lines among them. Its file becomes a file of the stream, so this
   * takes the same time for any number of rows. Errors as {@link append}.
   */
  async appendStaged(
    staged: StagedRows,
    last: FlattenedRows,
    beforeStored?: (end: number) => void,
  ): Promise<void> {
    while (this.#leaving.size >= MOST_LEAVING) await Promise.race(this.#leaving);
    await staged.finish(last.lines);
    while (this.#placing) await this.#placing;
    this.#check(last.newColumns);
    const placing = this.#place(staged, last, beforeStored);
    this.#placing = placing.then(
      () => {},
      () => {},
    );
    await placing;
  }

  /** Takes no more rows; waits for those that are on their way. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#placing) await this.#placing;
    await this.#file.flush();
    await Promise.all(this.#leaving);
    if (this.failure || (await readJsonFile(closedPath(this.#path))) !== null) return;
    await writeJsonFile(closedPath(this.#path), {
      rows: this.#rows,
      bytes: this.end,
      columns: this.columns.names,
    });
  }

  /** Syncs and lets go of the files. The stream stays open for the next {@link open} unless it was closed. */
  async dispose(): Promise<void> {
    while (this.#placing) await this.#placing;
    await Promise.all(this.#leaving);
    await this.#file.close();
    closeSync(this.#columnFile);
  }

  #check(newColumns: readonly Column[]): void {
    const failure = this.failure;
    if (failure) throw failure;
    if (this.#closed) throw new OutputClosedError('The stream is closed.');
    if (newColumns.length > 0 && this.columns.unknown(newColumns).length > this.columns.room) {
      throw new TooManyColumnsError('The stream would have too many columns.');
    }
  }

  /** Records what belongs to a call before its rows, in one go with handing them over: order is kept so. */
  #announce(newColumns: readonly Column[], end: number, beforeStored?: (end: number) => void): void {
    try {
      if (newColumns.length > 0) {
        const names = this.columns.unknown(newColumns);
        if (names.length > 0) this.#writeColumns(`${JSON.stringify({ end, names })}\n`);
        this.columns.add(names);
      }
      beforeStored?.(end);
    } catch (error) {
      this.#failure ??= new StorageFailure('The data could not be stored.', { cause: error });
      throw this.#failure;
    }
  }

  #writeColumns(line: string): void {
    const bytes = Buffer.from(line);
    writeWhole(this.#columnFile, bytes, this.#columnBytes);
    this.#columnBytes += bytes.length;
  }

  async #place(staged: StagedRows, last: FlattenedRows, beforeStored?: (end: number) => void): Promise<void> {
    try {
      await this.#file.flush();
      const full = this.#file;
      const end = this.end + staged.file.end;
      const next = await AppendFile.open(segmentPath(this.#path, this.#number + 2), 0);
      this.#announce(last.newColumns, end, beforeStored);
      await rename(staged.path, segmentPath(this.#path, this.#number + 1));
      this.#number += 2;
      this.#before = end;
      this.#file = next;
      this.#rows += last.rows;
      this.#letGo(staged.file);
      this.#letGo(full);
    } catch (error) {
      this.#failure ??= new StorageFailure('The data could not be stored.', { cause: error });
      throw this.#failure;
    } finally {
      this.#placing = null;
    }
  }

  /**
   * Syncs and closes a file that is complete, while the next calls are taken. One after the other: each holds a thread, and
   * the next calls need those for their files.
   */
  #letGo(file: AppendFile): void {
    const leaving = this.#lastLeaving
      .then(() => file.close())
      .catch((error: unknown) => {
        this.#failure ??= new StorageFailure('The data could not be stored.', { cause: error });
      })
      .then(() => {
        this.#leaving.delete(leaving);
        this.#failure ??= file.failure;
      });
    this.#leaving.add(leaving);
    this.#lastLeaving = leaving;
  }
}

/** Marks the last line as the end of its call. */
function endCall(lines: ByteSink): Buffer {
  lines.length -= 1;
  lines.push(CALL_END);
  return lines.view();
}

/** Rows of a call that is still arriving, in a file of their own. */
export class StagedRows {
  readonly path: string;
  readonly file: AppendFile;

  constructor(path: string, file: AppendFile) {
    this.path = path;
    this.file = file;
  }

  /** Moves all lines but the last one, which will be marked when the call is over, to the file. */
  async spill(lines: ByteSink): Promise<void> {
    const view = lines.view();
    const lastAt = view.lastIndexOf(NEWLINE, view.length - 2) + 1;
    const stored = this.file.append(view.subarray(0, lastAt));
    lines.dropFront(lastAt);
    await stored;
  }

  /** Adds the last lines, which are marked. */
  async finish(lines: ByteSink): Promise<void> {
    await this.file.append(endCall(lines));
  }

  /** Removes the rows: the call was refused. */
  async discard(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true });
  }
}

/** What a stream holds, whether it is open, closed or was left by a crash. */
export async function describeOutput(path: string): Promise<OutputDescription> {
  const { files, columns, rows, bytes, longestLine } = await recoverOutput(path);
  return { files, columns, rows, bytes, longestLine };
}
