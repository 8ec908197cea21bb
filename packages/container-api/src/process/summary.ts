import { readJsonFile } from '@slipway/records';
import type { RunSummary } from '../container-api.ts';
import type { RunFolder } from '../run-folder.ts';

/** A {@link RunSummary} as it is printed and kept in the run's folder. */
export interface WrittenSummary {
  /** `finished`: the results count. `failed`: rows or files were lost. `cancelled`: the run was given up. */
  readonly state: 'finished' | 'failed' | 'cancelled';
  readonly 'rows-read': Readonly<Record<string, number>>;
  readonly 'rows-written': { readonly output: number; readonly feedback: number };
  readonly requests: number;
  readonly errors: number;
  readonly 'output-failed': boolean;
  readonly 'output-refused-status': number | null;
  readonly 'failed-process': { readonly id: string; readonly cause: string } | null;
  readonly 'read-hidden': boolean;
}

/** How a run ended as far as its sidecar knows: the connector's exit code is not its business. */
export function writtenSummary(summary: RunSummary, cancelled: boolean): WrittenSummary {
  const lost = summary.outputFailed || summary.outputRefusedStatus !== null || summary.failedProcess !== null;
  return {
    state: cancelled ? 'cancelled' : lost ? 'failed' : 'finished',
    'rows-read': summary.rowsRead,
    'rows-written': summary.rowsWritten,
    requests: summary.requests,
    errors: summary.errors,
    'output-failed': summary.outputFailed,
    'output-refused-status': summary.outputRefusedStatus,
    'failed-process': summary.failedProcess,
    'read-hidden': summary.readHidden,
  };
}

/** The summary that a sidecar in another process left when it ended in order; null when it has not, or was killed. */
export async function readSummary(folder: RunFolder): Promise<RunSummary | null> {
  const written = await readJsonFile<WrittenSummary>(folder.summary);
  if (written === null) return null;
  return {
    rowsRead: written['rows-read'],
    rowsWritten: written['rows-written'],
    requests: written.requests,
    errors: written.errors,
    outputFailed: written['output-failed'],
    outputRefusedStatus: written['output-refused-status'],
    failedProcess: written['failed-process'],
    readHidden: written['read-hidden'],
  };
}
