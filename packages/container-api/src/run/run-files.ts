import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDiskFull } from '@slipway/records';
import {
  blockedOr,
  makeInside,
  type Opened,
  openInside,
  PathBlockedError,
  type SharedFolder,
  within,
} from '../files/anchored.ts';
import { cleanPath } from '../files/clean-path.ts';
import { bytesInside, copyFile, copyFolder, moveFile, publish, UnusableNameError } from '../files/copy.ts';
import type { FileLimits, RunContext } from '../run-context.ts';
import type { RunFolder } from '../run-folder.ts';
import type { StorageTask } from './process-records.ts';

/** The exchange folder as connectors in containers know it. */
const FIXED_EXCHANGE_PATH = '/data/productsup';
/** What the sidecar puts into the exchange folder is readable and writable for every user (container-api.md 8.6). */
const FILE_MODE = 0o666;
const FOLDER_MODE = 0o777;

/** The source of a storage process is gone or can not be read. */
class SourceMissingError extends Error {
  override readonly name = 'SourceMissingError';
}

/** The exchange folder is as large as it may be: the same as a full disk. */
class ExchangeFullError extends Error {
  override readonly name = 'ExchangeFullError';
}

/** Why storing failed, in words that may be shown; without a full stop. */
export function causeOf(error: unknown): string {
  if (error instanceof SourceMissingError) return 'the source was not found';
  if (error instanceof PathBlockedError) return 'a file or folder is in the way';
  if (error instanceof UnusableNameError) return 'a file in the folder has a name that is not valid';
  return isDiskFull(error) ? 'the disk is full' : 'the file could not be stored';
}

/**
 * Moves files between exchange folder, bucket and storage areas. Every file is written to the staging folder first and
 * renamed to its place, so that readers see the old file or the new one.
 */
export class RunFiles {
  readonly #folder: RunFolder;
  readonly #limits: FileLimits;
  readonly #exchange: SharedFolder;
  readonly #bucket: string | null;
  readonly #closing = new AbortController();

  private constructor(context: RunContext, folder: RunFolder, limits: FileLimits) {
    this.#folder = folder;
    this.#limits = limits;
    this.#exchange = { root: folder.exchange, knownAs: [context.exchangePath, FIXED_EXCHANGE_PATH] };
    this.#bucket = context.bucketFolder;
  }

  /** Removes what a crash left in the staging folder. */
  static async open(context: RunContext, folder: RunFolder, limits: FileLimits): Promise<RunFiles> {
    await rm(folder.staging, { recursive: true, force: true });
    await mkdir(folder.staging);
    return new RunFiles(context, folder, limits);
  }

  get hasBucket(): boolean {
    return this.#bucket !== null;
  }

  /** Ends transfers that nobody waits for any more. */
  close(): void {
    this.#closing.abort();
  }

  /**
   * Finds a source in the exchange folder.
   *
   * @param text `source_file` as it was sent
   * @returns its cleaned path, and whether it is a folder; null when there is none
   */
  async findSource(text: string): Promise<{ readonly path: string; readonly isFolder: boolean } | null> {
    const found = await this.#look(text);
    if (found) return found;
    const known = this.#exchange.knownAs.find((root) => text === root || text.startsWith(`${root}/`));
    return known === undefined ? null : await this.#look(text.slice(known.length));
  }

  async #look(text: string) {
    const segments = cleanPath(text);
    const opened = segments && (await openInside(this.#exchange, segments));
    if (!opened) return null;
    await opened.handle.close();
    return { path: segments.join('/'), isFolder: opened.isFolder };
  }

  /**
   * Copies a source to its store. A copy that was cut short can be begun anew.
   *
   * @param id names the copy while it is on its way
   * @throws an error that {@link causeOf} knows, or the signal's reason
   */
  async perform(id: string, task: StorageTask, signal: AbortSignal): Promise<void> {
    const target = join(this.#rootOf(task), task.remote);
    const source = task.source === '' ? [] : task.source.split('/');
    const opened = await openInside(this.#exchange, source);
    if (!opened) throw new SourceMissingError();
    const staged = join(this.#folder.staging, id);
    try {
      if (opened.isFolder) await copyFolder(this.#exchange, source, opened.handle, staged, signal);
      else await copyFile(opened.handle, staged, signal);
      signal.throwIfAborted();
      await publish(staged, target);
    } finally {
      await opened.handle.close();
      await rm(staged, { recursive: true, force: true });
    }
  }

  #rootOf({ store }: StorageTask): string {
    if (store !== 'bucket') return this.#folder.store(store);
    if (this.#bucket === null) throw new Error('A bucket that was linked is linked no more');
    return this.#bucket;
  }

  /**
   * Copies a file of the bucket to the same path of the exchange folder.
   *
   * @returns false when the bucket has no such file
   * @throws {PathBlockedError} when the target is a folder, or a file or link stands above it
   * @throws {ExchangeFullError}
   */
  async download(segments: readonly string[]): Promise<boolean> {
    const file = await this.#openInBucket(segments);
    if (!file) return false;
    const staged = join(this.#folder.staging, randomUUID());
    try {
      const name = segments.at(-1)!;
      const parent = await makeInside(this.#exchange.root, segments.slice(0, -1), FOLDER_MODE);
      try {
        const present = await lstat(within(parent, name)).catch(() => null);
        if (present?.isDirectory()) throw new PathBlockedError('The target is a folder');
        await this.#checkRoom((await file.handle.stat()).size);
        await copyFile(file.handle, staged, this.#closing.signal);
        await this.#open(staged);
        await moveFile(staged, within(parent, name));
      } catch (error) {
        throw blockedOr(error);
      } finally {
        await parent.close();
      }
    } finally {
      await file.handle.close();
      await rm(staged, { force: true });
    }
    return true;
  }

  /** Lets every user read and write a file; the process' own mask would take that away. */
  async #open(path: string): Promise<void> {
    const file = await open(path, constants.O_RDONLY);
    await file.chmod(FILE_MODE).finally(() => file.close());
  }

  async #checkRoom(bytes: number): Promise<void> {
    const exchange = await openInside(this.#exchange, []);
    if (!exchange) throw new Error('The exchange folder is gone');
    const used = await bytesInside(exchange.handle).finally(() => exchange.handle.close());
    if (used + bytes > this.#limits.exchangeBytes) throw new ExchangeFullError();
  }

  async #openInBucket(segments: readonly string[]): Promise<Opened | null> {
    const opened = await openInside({ root: this.#bucket!, knownAs: [] }, segments);
    if (!opened?.isFolder) return opened;
    await opened.handle.close();
    return null;
  }

  /**
   * Deletes a file of the bucket, and folders that become empty: in a bucket only files count.
   *
   * @returns false when the bucket has no such file
   */
  async remove(segments: readonly string[]): Promise<boolean> {
    const file = await this.#openInBucket(segments);
    if (!file) return false;
    await file.handle.close();
    const path = join(this.#bucket!, ...segments);
    try {
      await unlink(path);
    } catch (error) {
      // Somebody else was faster.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    for (let folder = dirname(path); folder !== this.#bucket; folder = dirname(folder)) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!removed) break;
    }
    return true;
  }

  /** Milliseconds after which an upload is answered and goes on as a storage process. */
  get uploadAnswerMs(): number {
    return this.#limits.uploadAnswerMs;
  }
}
