import { open } from 'node:fs/promises';
import { AppendFile, StorageFailure } from '@slipway/records';
import { preciseTimestamp } from '../timestamp.ts';
import { type LogLevel, SEVERITIES } from './levels.ts';
import { fitContext, fitMessage, TEXT_LIMIT } from './log-text.ts';
import type { Masker } from './masker.ts';

/** Where a log entry comes from (container-api.md 2.7). */
export const LOG_SOURCES = ['application', 'container-api', 'stdout', 'stderr', 'engine'] as const;
export type LogSource = (typeof LOG_SOURCES)[number];

/** A log entry as it is handed in. */
export interface NewLogEntry {
  readonly level: LogLevel;
  readonly source: LogSource;
  readonly message: string;
  /** A JSON object; `{}` when left out. */
  readonly context?: Readonly<Record<string, unknown>>;
}

/** A stored log entry: one line of the journal. */
export interface LogEntry {
  readonly number: number;
  /** ISO 8601 with milliseconds and offset, in UTC: `2026-05-11T14:12:31.123+00:00`. */
  readonly time: string;
  readonly level: LogLevel;
  /** 0 (emergency) to 7 (debug). */
  readonly severity: number;
  readonly source: LogSource;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface RunLogOptions {
  readonly masker: Masker;
  /** Bytes of the whole journal; beyond, entries below `warning` are dropped. */
  readonly limitBytes: number;
  readonly now: () => Date;
}

/** Bytes on their way to the disk from which on {@link RunLog.write} asks its caller to wait. */
const HIGH_WATER = 8 * 1024 * 1024;

/**
 * The log journal of a run: numbered entries, append-only, one JSON object per line, masked before they are stored.
 * Entries that arrive together are written together.
 */
export class RunLog {
  readonly #file: AppendFile;
  readonly #options: RunLogOptions;
  #lastNumber: number;
  #limitReported: boolean;

  private constructor(file: AppendFile, options: RunLogOptions, lastNumber: number) {
    this.#file = file;
    this.#options = options;
    this.#lastNumber = lastNumber;
    this.#limitReported = file.length > options.limitBytes;
  }

  /** Opens a journal, which is made when missing; an entry that a crash cut short is removed. */
  static async open(path: string, options: RunLogOptions): Promise<RunLog> {
    const { length, number } = await findEnd(path);
    const file = await AppendFile.open(path, length, (entries) => {
      // The numbers of entries that could not be stored are given again: a log has no gaps.
      log.#lastNumber -= entries;
    });
    const log = new RunLog(file, options, number);
    return log;
  }

  /** Number of the newest entry; 0 when there is none. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /**
   * Stores an entry.
   *
   * @param beforeStored called with the entry's number just before it is handed over
   * @throws {StorageFailure}
   */
  async append(entry: NewLogEntry, beforeStored?: (number: number) => void): Promise<void> {
    await this.#store(entry, beforeStored);
  }

  /**
   * Stores an entry without waiting. An entry that can not be stored is lost: the log never ends a run.
   *
   * @returns a promise when so much is on its way that the caller should wait before the next entry
   */
  write(entry: NewLogEntry): Promise<void> | undefined {
    const stored = this.#store(entry).catch((error: unknown) => {
      if (!(error instanceof StorageFailure)) throw error;
    });
    return this.#file.end - this.#file.length > HIGH_WATER ? stored : undefined;
  }

  /** Waits until everything written so far is in the file. */
  flush(): Promise<void> {
    return this.#file.flush();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #store(entry: NewLogEntry, beforeStored?: (number: number) => void): Promise<void> {
    if (this.#file.end > this.#options.limitBytes && SEVERITIES[entry.level] > SEVERITIES.warning) {
      beforeStored?.(this.#lastNumber);
      return this.#limitReported ? Promise.resolve() : this.#reportLimit();
    }
    const line = this.#line(entry);
    try {
      beforeStored?.(this.#lastNumber);
    } catch (error) {
      this.#lastNumber -= 1;
      return Promise.reject(error);
    }
    return this.#file.append(line);
  }

  #reportLimit(): Promise<void> {
    this.#limitReported = true;
    const mebibytes = Math.round(this.#options.limitBytes / 1024 ** 2);
    const message = `The log is larger than ${mebibytes} MiB: entries below warning are dropped from here on.`;
    return this.#file.append(this.#line({ level: 'warning', source: 'container-api', message }));
  }

  #line(entry: NewLogEntry): Buffer {
    const { masker, now } = this.#options;
    // Cut twice: a secret across the limit has to be whole to be found, and the far rest need not be searched.
    const message = fitMessage(masker.mask(entry.message.slice(0, 2 * TEXT_LIMIT)));
    const context = entry.context ? fitContext(masker.maskJson(entry.context)) : '{}';
    return Buffer.from(
      `{"number":${++this.#lastNumber},"time":"${preciseTimestamp(now())}","level":"${entry.level}",` +
        `"severity":${SEVERITIES[entry.level]},"source":"${entry.source}",` +
        `"message":${JSON.stringify(message)},"context":${context}}\n`,
    );
  }
}

/** Bytes read at once to find the last entry; an entry has at most two limited texts, escaped. */
const TAIL_BLOCK = 1024 * 1024;

/** Length up to the last line break, and the number of the entry before it. */
async function findEnd(path: string): Promise<{ length: number; number: number }> {
  const handle = await open(path, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - 2 * TAIL_BLOCK);
    const tail = Buffer.alloc(size - start);
    await handle.read(tail, 0, tail.length, start);
    const end = tail.lastIndexOf(0x0a);
    if (end === -1) return { length: start, number: 0 };
    const begin = end === 0 ? 0 : tail.lastIndexOf(0x0a, end - 1) + 1;
    const { number } = JSON.parse(tail.toString('utf8', begin, end)) as LogEntry;
    return { length: start + end + 1, number };
  } finally {
    await handle.close();
  }
}
