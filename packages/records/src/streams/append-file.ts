import { ftruncateSync, write, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Longest time that data may stay unsynced (container-api.md 2.9), in milliseconds. */
const SYNC_INTERVAL_MS = 1000;

/**
 * Appends up to this size are written at once by the calling thread, when no other is on its way: the system only copies
 * them into its cache, which takes less time than to wake another thread for it.
 */
const AT_ONCE = 256 * 1024;

const WRITTEN = Promise.resolve();

/** The file could not be written: disk full, I/O error. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A file that only grows. Appends of calls that arrive while the system is busy with an earlier one are written
 * together. An append that is fulfilled has been handed to the operating system, in the order of the calls; it is
 * synced to disk within a second and on {@link close}.
 */
export class AppendFile {
  readonly #handle: FileHandle;
  readonly #onLost: ((appends: number) => void) | null;
  /** Bytes that have been handed over for good. */
  #length: number;
  #queue: Uint8Array[] = [];
  #waiting: Waiting[] = [];
  #queued = 0;
  #writing: Promise<void> | null = null;
  #failure: StorageFailure | null = null;
  #syncTimer: NodeJS.Timeout | null = null;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, length: number, onLost: ((appends: number) => void) | null) {
    this.#handle = handle;
    this.#length = length;
    this.#onLost = onLost;
  }

  /**
   * Opens a file, which is made when missing, and cuts off what is behind `length`.
   *
   * @param length bytes that count; all when left out
   * @param onLost called with how many appends could not be stored, before they are rejected: all that were on their way.
   * The file is then as before them, and goes on when there is space again. Without it every later append fails too.
   */
  static async open(
    path: string,
    length?: number,
    onLost: ((appends: number) => void) | null = null,
  ): Promise<AppendFile> {
    const handle = await open(path, 'a+', 0o600);
    const { size } = await handle.stat();
    if (length !== undefined && length < size) await handle.truncate(length);
    return new AppendFile(handle, Math.min(length ?? size, size), onLost);
  }

  /** Bytes in the file, without those on their way. */
  get length(): number {
    return this.#length;
  }

  /** Bytes in the file and on their way: where the next append will begin. */
  get end(): number {
    return this.#length + this.#queued;
  }

  /** Why the file can no longer be written, or null. */
  get failure(): StorageFailure | null {
    return this.#failure;
  }

  /**
   * Appends bytes; they may change afterwards.
   *
   * @throws {StorageFailure} when they could not be stored; nothing of them stays in the file
   */
  append(bytes: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (!this.#writing && bytes.length <= AT_ONCE && this.#writeAtOnce(bytes)) return WRITTEN;
    this.#queue.push(Buffer.from(bytes));
    this.#queued += bytes.length;
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#writing ??= this.#drain();
    return done;
  }

  /** Waits until everything appended so far is in the file or has failed. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Writes what is left, syncs and closes. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#syncTimer) {
      clearTimeout(this.#syncTimer);
      this.#syncTimer = null;
      this.#sync();
    }
    await this.#syncing;
    await this.#handle.close();
  }

  /** @returns false when it did not work: then the bytes take the ordinary way, on which failures are handled */
  #writeAtOnce(bytes: Uint8Array): boolean {
    let written = 0;
    try {
      written = writeSync(this.#handle.fd, bytes);
    } catch {
      return false;
    }
    if (written < bytes.length) {
      ftruncateSync(this.#handle.fd, this.#length);
      return false;
    }
    this.#length += written;
    this.#syncTimer ??= this.#scheduleSync();
    return true;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const [batch, waiting, size] = [this.#queue, this.#waiting, this.#queued];
      this.#queue = [];
      this.#waiting = [];
      try {
        if (this.#failure) throw this.#failure;
        await this.#write(batch.length === 1 ? batch[0]! : Buffer.concat(batch, size));
        this.#length += size;
        this.#queued -= size;
        this.#syncTimer ??= this.#scheduleSync();
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        await this.#fail(error, waiting);
      }
    }
    this.#writing = null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (from < bytes.length) from += await writeOnce(this.#handle.fd, bytes, from);
  }

  /**
   * Takes back what a failed write may have left, so that the file ends with the last append that succeeded. What waits
   * behind it was made to follow it, and fails with it.
   */
  async #fail(error: unknown, waiting: readonly Waiting[]): Promise<void> {
    const failure = this.#failure ?? storageFailure(error);
    const lost = [...waiting, ...this.#waiting];
    this.#queue = [];
    this.#waiting = [];
    this.#queued = 0;
    if (this.#onLost) this.#onLost(lost.length);
    else this.#failure = failure;
    await this.#handle.truncate(this.#length).catch(() => {
      this.#failure = failure;
    });
    for (const { reject } of lost) reject(failure);
  }

  #scheduleSync(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#syncTimer = null;
      this.#sync();
    }, SYNC_INTERVAL_MS);
    timer.unref();
    return timer;
  }

  #sync(): void {
    this.#syncing = this.#syncing
      .then(() => this.#handle.datasync())
      .catch((error: unknown) => {
        this.#failure ??= storageFailure(error);
      });
  }
}

const storageFailure = (cause: unknown): StorageFailure =>
  new StorageFailure('The data could not be stored.', { cause });

/** The callback form costs a third of the promise form, which matters at one write per call. */
function writeOnce(fd: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, written) =>
      error ? reject(error) : resolve(written),
    );
  });
}
