import { basename } from 'node:path';
import type { RunFailure, RunResult, SidecarSummary } from '@slipway/engine';
import { describeOutput, OutputStream } from '@slipway/records';
import { sql } from 'kysely';
import { connectorOwner } from '../connectors/seen-by.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { announce } from '../events/signals.ts';
import { RawJson } from '../json.ts';
import { systemContext } from '../operations/system-context.ts';
import type { Services } from '../services.ts';
import { notify } from '../webhooks/notify.ts';
import { keepCheckpoints } from './checkpoints.ts';
import { outputPath } from './read-rows.ts';
import { runJson } from './store.ts';

/** What is known about a run at its end. */
export interface RunEnd extends Pick<RunResult, 'state' | 'exitCode' | 'failure' | 'cpuMs' | 'memoryPeakMb'> {
  /** Shell-quoted and masked; null when the connector was not started. */
  commandLine: string | null;
  logLines: Readonly<Record<string, number>>;
  rowsRead: Readonly<Record<string, number>>;
  requests: number;
  errors: number;
}

/** What a sidecar in a process of its own has counted. */
export const countersOf = (
  sidecar: SidecarSummary | null,
): Pick<RunEnd, 'rowsRead' | 'requests' | 'errors'> => ({
  rowsRead: sidecar?.rowsRead ?? {},
  requests: sidecar?.requests ?? 0,
  errors: sidecar?.errors ?? 0,
});

/** The end of a run about which nothing could be measured. */
export const unmeasured = (failure: RunFailure): RunEnd => ({
  state: failure.origin === 'cancelled' ? 'cancelled' : 'failed',
  exitCode: null,
  failure,
  cpuMs: null,
  memoryPeakMb: null,
  commandLine: null,
  logLines: {},
  rowsRead: {},
  requests: 0,
  errors: 0,
});

/**
 * Records the end of a run in one transaction; its output is closed before. A run that has ended, or that another worker
 * has taken over, stays as it is.
 *
 * @param worker who must own the run for the end to count
 */
export async function endRun(services: Services, runId: string, worker: string, end: RunEnd): Promise<void> {
  const output = await closeOutput(await outputPath(services, runId, 'output'));
  const feedback = await closeOutput(await outputPath(services, runId, 'feedback'));
  const statistics = {
    'cpu-ms': end.cpuMs === null ? null : Math.round(end.cpuMs),
    'memory-peak-mb': end.memoryPeakMb,
    'rows-read': end.rowsRead,
    'container-api-requests': end.requests,
    'container-api-errors': end.errors,
    'log-lines': end.logLines,
  };
  await inTransaction(systemContext(services), async (work) => {
    const ended = await work.db
      .updateTable('runs')
      .set({
        state: end.state,
        exit_code: end.exitCode,
        failure: end.failure === null ? null : JSON.stringify(end.failure),
        cli_command: sql`coalesce(cli_command, ${end.commandLine})`,
        statistics: JSON.stringify(statistics),
        output: output.record,
        feedback: feedback.record,
        rows_output: output.rows,
        rows_feedback: feedback.rows,
        output_available: true,
        worker_id: null,
        finished_at: sql`now()`,
      })
      .where('id', '=', runId)
      .where('state', '=', 'running')
      .where('worker_id', '=', worker)
      .returning('connector_id')
      .executeTakeFirst();
    // Those that count whatever became of the run; the others wait for the take-over.
    if (ended) await keepCheckpoints(work.db, services, runId, 'now');
    await announce(work.db, runId);
    if (ended && end.state !== 'cancelled') await tell(work, runId, ended.connector_id, end.state);
  });
}

async function tell(
  work: Context & { db: Work },
  id: string,
  connectorId: string,
  state: 'finished' | 'failed',
): Promise<void> {
  await notify(work, `run.${state}`, {
    owners: async () => {
      const owner = await connectorOwner(work.db, connectorId);
      return owner === null ? [] : [owner];
    },
    data: async () => {
      const { rows } = await sql<{ json: string }>`
        SELECT (${runJson})::text AS json FROM runs r WHERE r.id = ${id}`.execute(work.db);
      return new RawJson((rows[0] as { json: string }).json);
    },
  });
}

/** Cuts off what a crash left of unanswered calls, and describes what remains. */
async function closeOutput(path: string): Promise<{ record: string; rows: number }> {
  const stream = await OutputStream.open(path);
  await stream.close();
  await stream.dispose();
  const { files, rows, ...rest } = await describeOutput(path);
  return { record: JSON.stringify({ files: files.map((file) => basename(file)), ...rest }), rows };
}
