import { readJsonFile, readLines } from '@slipway/records';
import type { Answer } from '../http/answers.ts';
import type { RunFolder } from '../run-folder.ts';
import { timestamp } from '../timestamp.ts';
import { Journal } from './journal.ts';

/** A checkpoint; a deleted one goes on counting its versions. */
export interface Checkpoint {
  /** JSON text of the value, without white space; null when the key was deleted. */
  readonly text: string | null;
  readonly version: number;
  readonly updatedAt: string;
}

/** A line of `state/changes.ndjson`. */
export interface CheckpointChange extends Checkpoint {
  readonly key: string;
  /** `success`: permanent with the take-over of a successful run. `now`: permanent whatever becomes of the run. */
  readonly commit: 'success' | 'now';
}

/** The checkpoints of a run: those it began with, and its changes, which are visible to it at once. */
export class Checkpoints {
  readonly #current: Map<string, Checkpoint>;
  readonly #changes: Journal;
  readonly #now: () => Date;
  /** Changes happen one after the other: each is decided on what the one before it left. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(current: Map<string, Checkpoint>, changes: Journal, now: () => Date) {
    this.#current = current;
    this.#changes = changes;
    this.#now = now;
  }

  static async open(folder: RunFolder, now: () => Date): Promise<Checkpoints> {
    const atStart = await readJsonFile<Record<string, Checkpoint>>(folder.checkpoints);
    const current = new Map(Object.entries(atStart ?? {}));
    const changes = await Journal.open(folder.checkpointChanges);
    for (const { key, text, version, updatedAt } of await readCheckpointChanges(folder)) {
      current.set(key, { text, version, updatedAt });
    }
    return new Checkpoints(current, changes, now);
  }

  get(key: string): Checkpoint | null {
    return this.#current.get(key) ?? null;
  }

  /** Keys that have a value. */
  get size(): number {
    let size = 0;
    for (const { text } of this.#current.values()) if (text !== null) size++;
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
    decide: (current: Checkpoint | null) => { readonly text: string | null; readonly answer: Answer },
  ): Promise<Answer> {
    const changed = this.#queue.then(async () => {
      const current = this.get(key);
      const { text, answer } = decide(current);
      // Deleting is no version of its own: the next value continues the count.
      const version = text === null ? current!.version : (current?.version ?? 0) + 1;
      const next: Checkpoint = { text, version, updatedAt: timestamp(this.#now()) };
      const change: CheckpointChange = { key, commit, ...next };
      await this.#changes.append(change);
      this.#current.set(key, next);
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

/** What a run changed, in order; none when it changed nothing. */
export async function readCheckpointChanges(folder: RunFolder): Promise<CheckpointChange[]> {
  const changes: CheckpointChange[] = [];
  try {
    for await (const line of readLines(folder.checkpointChanges)) {
      changes.push(JSON.parse(line.toString('utf8')) as CheckpointChange);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return changes;
}

/**
 * The changes of a run that stay (container-api.md 5.22), in order.
 *
 * @param takenOver the run succeeded and its results were taken over
 */
export const permanentChanges = (
  changes: readonly CheckpointChange[],
  takenOver: boolean,
): readonly CheckpointChange[] => changes.filter(({ commit }) => takenOver || commit === 'now');
