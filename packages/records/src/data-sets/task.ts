import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

/** How a user of this package watches work on data sets, and ends it. */
export interface TaskControl {
  /** Ends the work, which then fails with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
  /** Told the share that is done, from 0 to 1, a few times a second at most. It never falls. */
  readonly onProgress?: (done: number) => void;
}

const LOOK_EVERY_MS = 200;

/** Statements that belong to one piece of work: they can be ended together and share one measure of progress. */
export class Task {
  readonly connection: DuckDBConnection;
  readonly #control: TaskControl;
  #planned = 0;
  #finished = 0;
  #told = 0;

  private constructor(connection: DuckDBConnection, control: TaskControl) {
    this.connection = connection;
    this.#control = control;
  }

  static async begin(connection: DuckDBConnection, control: TaskControl): Promise<Task> {
    if (control.onProgress) {
      await connection.run('SET enable_progress_bar = true');
      await connection.run('SET enable_progress_bar_print = false');
    }
    return new Task(connection, control);
  }

  /** So many statements more are to come. Nothing is told before it is known how many there are. */
  expect(more: number): void {
    this.#planned += more;
  }

  /** All is done, also where fewer statements were needed. */
  finish(): void {
    this.#planned = this.#finished;
    this.#tell(0);
  }

  /**
   * Runs a statement.
   *
   * @returns its rows
   * @throws the reason of the signal when it was aborted
   */
  async run(sql: string, values: DuckDBValue[] = []): Promise<DuckDBValue[][]> {
    const { signal } = this.#control;
    signal?.throwIfAborted();
    // Looked at again and again: an interrupt that comes before the statement has begun is lost.
    const looking = setInterval(() => {
      if (signal?.aborted) this.connection.interrupt();
      else this.#tell(Math.max(0, this.connection.progress.percentage) / 100);
    }, LOOK_EVERY_MS);
    const interrupt = (): void => this.connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      const result = await this.connection.runAndReadAll(sql, values);
      this.#finished += 1;
      this.#tell(0);
      return result.getRows();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearInterval(looking);
      signal?.removeEventListener('abort', interrupt);
    }
  }

  #tell(ofThis: number): void {
    if (this.#planned === 0) return;
    const done = Math.min(1, (this.#finished + ofThis) / this.#planned);
    if (done <= this.#told) return;
    this.#told = done;
    this.#control.onProgress?.(done);
  }
}
