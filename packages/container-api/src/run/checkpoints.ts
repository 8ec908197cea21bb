import { open, rename, writeFile } from 'node:fs/promises';
import { readLines } from '@slipway/records';
import type { Answer } from '../http/answers.ts';
import type { RunFolder } from '../run-folder.ts';
import { timestamp } from '../timestamp.ts';
import { Journal } from './journal.ts';

/** A checkpoint; a deleted one goes on counting its versions. */
export interface Checkpoint {
  /** JSON text of the value, without white space; null when the key was deleted. */
  readonly text: string | null;
  readonly version: number;
  /** ISO 8601 with seconds and offset, in UTC. */
  readonly updatedAt: string;
}

/** A line of `state/checkpoints.ndjson`. */
export interface StoredCheckpoint extends Checkpoint {
  readonly key: string;
}

/** A line of `state/changes.ndjson`. */
export interface CheckpointChange extends StoredCheckpoint {
  /** `success`: permanent with the take-over of a successful run. `now`: permanent whatever becomes of the run. */
  readonly commit: 'success' | 'now';
}

/** What is known of a checkpoint without its value, which stays on disk: values may be a mebibyte each. */
export interface KnownCheckpoint {
  /** False when the key was deleted. */
  readonly exists: boolean;
  readonly version: number;
  readonly updatedAt: string;
  readonly line: { readonly path: string; readonly offset: number; readonly length: number };
}

/** The checkpoints of a run: those it began with, and its changes, which are visible to it at once. */
export class Checkpoints {
  readonly #folder: RunFolder;
  readonly #current: Map<string, KnownCheckpoint>;
  readonly #changes: Journal;
  readonly #now: () => Date;
  /** Changes happen one after the other: each is decided on what the one before it left. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    folder: RunFolder,
    current: Map<string, KnownCheckpoint>,
    changes: Journal,
    now: () => Date,
  ) {
    this.#folder = folder;
    this.#current = current;
    this.#changes = changes;
    this.#now = now;
  }

  static async open(folder: RunFolder, now: () => Date): Promise<Checkpoints> {
    const changes = await Journal.open(folder.checkpointChanges);
    const current = new Map<string, KnownCheckpoint>();
    for (const path of [folder.checkpoints, folder.checkpointChanges]) {
      let offset = 0;
      for await (const { line, stored } of storedLines<StoredCheckpoint>(path)) {
        const { key, text, version, updatedAt } = stored;
        const at = { path, offset, length: line.length };
        current.set(key, { exists: text !== null, version, updatedAt, line: at });
        offset += line.length + 1;
      }
    }
    return new Checkpoints(folder, current, changes, now);
  }

  get(key: string): KnownCheckpoint | null {
    return this.#current.get(key) ?? null;
  }

  /** The JSON text of a value that exists. */
  async textOf({ line: { path, offset, length } }: KnownCheckpoint): Promise<string> {
    const handle = await open(path, 'r');
    try {
      const bytes = Buffer.allocUnsafe(length);
      await handle.read(bytes, 0, length, offset);
      return (JSON.parse(bytes.toString('utf8')) as { text: string }).text;
    } finally {
      await handle.close();
    }
  }

  /** Keys that have a value. */
  get size(): number {
    let size = 0;
    for (const { exists } of this.#current.values()) if (exists) size++;
    return size;
  }

  /**
   * Changes a key when all earlier changes are stored.
   *
   * @param decide makes the new text (null deletes) and the answer out of the current checkpoint, or throws
   * @returns the answer, when the change is stored
   * @throws {StorageFailure}
   */
  change(
    key: string,
    commit: 'success' | 'now',
    decide: (current: KnownCheckpoint | null) => { readonly text: string | null; readonly answer: Answer },
  ): Promise<Answer> {
    const changed = this.#queue.then(async () => {
      const current = this.get(key);
      const { text, answer } = decide(current);
      // Deleting is no version of its own: the next value continues the count.
      const version = text === null ? current!.version : (current?.version ?? 0) + 1;
      const updatedAt = timestamp(this.#now());
      const change: CheckpointChange = { key, commit, text, version, updatedAt };
      const offset = this.#changes.end;
      await this.#changes.append(change);
      const length = this.#changes.end - offset - 1;
      const line = { path: this.#folder.checkpointChanges, offset, length };
      this.#current.set(key, { exists: text !== null, version, updatedAt, line });
      return answer;
    });
    this.#queue = changed.catch(() => {});
    return changed;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#changes.close();
  }
}

/** Stores the checkpoints that a run begins with, whole or not at all. */
export async function writeCheckpoints(
  folder: RunFolder,
  checkpoints: AsyncIterable<StoredCheckpoint> | Iterable<StoredCheckpoint>,
): Promise<void> {
  const lines = async function* () {
    for await (const checkpoint of checkpoints) yield `${JSON.stringify(checkpoint)}\n`;
  };
  await writeFile(`${folder.checkpoints}.new`, lines(), { mode: 0o600, flush: true });
  await rename(`${folder.checkpoints}.new`, folder.checkpoints);
}

/** The checkpoints that a run began with. */
export async function* readCheckpoints(folder: RunFolder): AsyncGenerator<StoredCheckpoint> {
  for await (const { stored } of storedLines<StoredCheckpoint>(folder.checkpoints)) yield stored;
}

/**
 * The changes of a run that stay (container-api.md 5.22), in order; none when it changed nothing.
 *
 * @param takenOver the run succeeded and its results were taken over
 * @param versions how many of the last changes of a key are wanted: a run may have made any number
 */
export async function* permanentChanges(
  folder: RunFolder,
  takenOver: boolean,
  versions: number,
): AsyncGenerator<CheckpointChange> {
  const stays = ({ commit }: CheckpointChange): boolean => takenOver || commit === 'now';
  const left = new Map<string, number>();
  for await (const { stored } of storedLines<CheckpointChange>(folder.checkpointChanges)) {
    if (stays(stored)) left.set(stored.key, (left.get(stored.key) ?? 0) + 1);
  }
  for await (const { stored } of storedLines<CheckpointChange>(folder.checkpointChanges)) {
    if (!stays(stored)) continue;
    const behind = left.get(stored.key)! - 1;
    left.set(stored.key, behind);
    if (behind < versions) yield stored;
  }
}

async function* storedLines<T>(path: string): AsyncGenerator<{ line: Buffer; stored: T }> {
  try {
    for await (const line of readLines(path)) yield { line, stored: JSON.parse(line.toString('utf8')) as T };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
