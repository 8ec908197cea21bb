import type { Source } from './process-plan.ts';
import type { Step } from './steps.ts';

/** A process that this worker has claimed. */
export interface ClaimedProcess {
  id: string;
  site: number;
  action: 'import' | 'all' | 'run';
  attempts: number;
  steps: Step[];
}

/** A source with the run whose rows it contributes; null: the rows of its file, or none. */
export interface UsedSource {
  source: Source;
  run: string | null;
  /** Rows written now; null where earlier rows are kept. */
  fresh: { rows: number } | null;
}
