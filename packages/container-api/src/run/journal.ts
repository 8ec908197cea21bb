import { open } from 'node:fs/promises';
import { AppendFile, readLines } from '@slipway/records';

/** An append-only file of JSON lines; a line that a crash cut short is removed when it is opened. */
export class Journal {
  readonly #file: AppendFile;

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  static async open(path: string): Promise<Journal> {
    let length = 0;
    try {
      for await (const line of readLines(path)) length += line.length + 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // Each line stands for itself: after one that could not be stored the next may be.
    return new Journal(await AppendFile.open(path, length, () => {}));
  }

  /** Bytes of the file and of what is on its way to it. */
  get end(): number {
    return this.#file.end;
  }

  /**
   * Appends one line. What it holds is there as a whole after a crash, or not at all.
   *
   * @param beforeStored called with the length the file will have, just before the line is handed over
   * @throws {StorageFailure}
   */
  async append(record: unknown, beforeStored?: (end: number) => void): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    beforeStored?.(this.#file.end + line.length);
    await this.#file.append(line);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** A part of a journal. */
export interface JournalPart<T> {
  readonly entries: readonly T[];
  /** Where to read on: the byte behind the last entry. */
  readonly offset: number;
}

/**
 * Reads whole entries of a journal that may still grow; an entry that is not yet complete is left for the next call.
 *
 * @param offset byte behind the last entry read so far; 0 at the beginning
 * @param maxBytes how much is read at once at most; more only if one entry is larger
 * @returns no entries when there is nothing new, or no journal
 */
export async function readJournal<T>(
  path: string,
  offset = 0,
  maxBytes = 1024 * 1024,
): Promise<JournalPart<T>> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!handle) return { entries: [], offset };
  try {
    const block = Buffer.allocUnsafe(maxBytes);
    const { bytesRead } = await handle.read(block, 0, maxBytes, offset);
    const end = block.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    if (end === 0)
      return bytesRead < maxBytes ? { entries: [], offset } : readJournal(path, offset, maxBytes * 4);
    const lines = block.toString('utf8', 0, end - 1).split('\n');
    return { entries: lines.map((line) => JSON.parse(line) as T), offset: offset + end };
  } finally {
    await handle.close();
  }
}
