import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { announce } from '../events/signals.ts';

/** A step of a process as the API shows it (6.1). */
export interface Step {
  kind: 'source' | 'merge' | 'service' | 'guard' | 'take-over' | 'export';
  id: number | null;
  name: string;
  run: string | null;
  status: 'pending' | 'running' | 'success' | 'kept' | 'failed' | 'skipped';
  'rows-in': number | null;
  'rows-out': number | null;
  error: string | null;
  'started-at': string | null;
  'finished-at': string | null;
}

export const newStep = (step: Pick<Step, 'kind' | 'id' | 'name'> & Partial<Step>): Step => ({
  kind: step.kind,
  id: step.id,
  name: step.name,
  run: step.run ?? null,
  status: step.status ?? 'pending',
  'rows-in': step['rows-in'] ?? null,
  'rows-out': step['rows-out'] ?? null,
  error: step.error ?? null,
  'started-at': step['started-at'] ?? null,
  'finished-at': step['finished-at'] ?? null,
});

/** The steps of the process that this worker works on. Changes are stored one after another, in order. */
export class StepBook {
  readonly steps: Step[];
  readonly #db: Database;
  readonly #processId: string;
  #stored: Promise<void> = Promise.resolve();

  constructor(db: Database, processId: string, steps: Step[]) {
    this.#db = db;
    this.#processId = processId;
    this.steps = steps;
  }

  /** The step of a kind that a process has once. */
  find(kind: Step['kind']): Step | undefined {
    return this.steps.find((step) => step.kind === kind);
  }

  async begin(step: Step): Promise<void> {
    const now = await this.now();
    await this.#change(() =>
      Object.assign(step, { status: 'running', 'started-at': step['started-at'] ?? now }),
    );
  }

  async end(step: Step, result: Pick<Step, 'status'> & Partial<Step>): Promise<void> {
    const now = await this.now();
    await this.#change(() => Object.assign(step, result, { 'finished-at': now }));
  }

  /** Marks what was not reached. It is stored with the end of the process. */
  skipRest(): void {
    for (const step of this.steps) {
      if (step.status === 'pending' || step.status === 'running') step.status = 'skipped';
    }
  }

  /** The time as the API writes it. */
  async now(): Promise<string> {
    const { rows } = await sql<{ now: string }>`SELECT wire_time(clock_timestamp()) AS now`.execute(this.#db);
    return rows[0]?.now as string;
  }

  async #change(apply: () => void): Promise<void> {
    const store = async (): Promise<void> => {
      apply();
      await this.#db.transaction().execute(async (work) => {
        await work
          .updateTable('processes')
          .set({ steps: JSON.stringify(this.steps) })
          .where('id', '=', this.#processId)
          .execute();
        await announce(work, this.#processId);
      });
    };
    this.#stored = this.#stored.catch(() => {}).then(store);
    await this.#stored;
  }
}
