import { createMasker, runFolder } from '@slipway/container-api';
import { MACHINE_LOST, RunDetachedError, type RunResult } from '@slipway/engine';
import { sql } from 'kysely';
import { type Watch, watch } from '../events/signals.ts';
import { handsOf, isUnattended } from '../jobs/hands.ts';
import { watchCancel } from '../jobs/watch-cancel.ts';
import type { Services } from '../services.ts';
import { prepareCheckpoints } from './checkpoints.ts';
import { type ClaimedRun, claimRun, originOf, outcomeOf, type RunOutcome } from './claimed-run.ts';
import { countersOf, endRun, type RunEnd, unmeasured } from './end-run.ts';
import { recoverRun } from './recover-runs.ts';
import { prepareFiles, prepareInput } from './run-input.ts';
import { RunJournal } from './run-journal.ts';
import { openSettings, requestOf } from './run-request.ts';
import { shipRun } from './run-shipper.ts';
import { isEnded } from './run-state.ts';
import { Slots } from './slots.ts';

export type { RunOutcome } from './claimed-run.ts';

/** A cancel is told by a signal; should that be lost, it is seen at the latest then. */
const cancelCheckMs = 5000;

/** `SLIPWAY_RUN_CONCURRENCY` places of each worker. */
const slots = new WeakMap<Services, Slots>();

/**
 * Executes a run to its end and tells how it ended. A run that has ended already is not repeated; one that a dead worker
 * left is ended truthfully.
 *
 * @param stopping aborted when this worker ends: the connector is ended with it, and the run is lost; where connectors
 * outlive the server, the run stays as it is for another worker
 * @param files folder whose files the run finds in its exchange folder; null: none
 */
export async function executeRun(
  services: Services,
  id: string,
  stopping: AbortSignal,
  files: string | null = null,
): Promise<RunOutcome> {
  const cancel = new AbortController();
  const news = watch(services.signals, id);
  const watching = watchCancel(services, 'runs', id, cancel);
  try {
    const places = slots.get(services) ?? new Slots(services.settings.runConcurrency);
    slots.set(services, places);
    await places.run(
      async () => {
        // A run that never began stays queued, for the worker that takes the process over.
        if (stopping.aborted) return;
        const hands = handsOf(services);
        // It is being ended as lost at this moment; then there is nothing to claim.
        if (hands.has(id)) return;
        hands.add(id);
        try {
          const run = await claimRun(services, id);
          if (run) await work(services, run, files, { cancelled: cancel.signal, stopping });
        } finally {
          hands.delete(id);
        }
      },
      AbortSignal.any([cancel.signal, stopping]),
    );
    await awaitEnd(services, id, news, stopping);
    return await outcomeOf(services, id);
  } finally {
    watching.stop();
    news.close();
  }
}

/** Waits for the end of a run that somebody else has begun, and ends it when that worker is dead. */
async function awaitEnd(services: Services, id: string, news: Watch, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const { rows } = await sql<{ state: string; lost: boolean }>`
      SELECT state, ${isUnattended(services, sql.ref('worker_id'), sql.ref('id'))} AS lost FROM runs WHERE id = ${id}`.execute(
      services.db,
    );
    const row = rows[0];
    if (!row || isEnded(row.state)) return;
    if (row.state === 'running' && row.lost) await recoverRun(services, id, stopping);
    else await news.next(cancelCheckMs);
  }
}

interface Ending {
  cancelled: AbortSignal;
  stopping: AbortSignal;
}

async function work(
  services: Services,
  run: ClaimedRun,
  files: string | null,
  ending: Ending,
): Promise<void> {
  const folder = runFolder(await services.storage.folder('runs', run.id));
  const shipper = shipRun(services, originOf(run), folder);
  const end = await runConnector(services, run, files, ending).catch((error: unknown) =>
    error instanceof RunDetachedError ? null : notStarted(services, run, error),
  );
  await shipper.finish().catch((error: unknown) => {
    // It stays in the journals; the run's end counts for more.
    services.log.error({ err: error, run: run.id }, 'the rest of what a run says could not be stored');
  });
  // It goes on without us; whoever takes it up records its end.
  if (end === null) return;
  await endRun(services, run.id, services.workerId, { ...end, logLines: shipper.counts });
}

/** Everything between claim and end. Rejects when the connector could not even be handed to the engine. */
async function runConnector(
  services: Services,
  run: ClaimedRun,
  files: string | null,
  { cancelled, stopping }: Ending,
): Promise<RunEnd> {
  const settings = await openSettings(services, run);
  const journal = new RunJournal(services, run, settings.folder, createMasker(settings.secretValues));
  try {
    await prepareInput(services, { id: run.id, site: run.site.id, type: run.spec.type });
    await prepareFiles(services, run.id, files);
    const { identity, spec } = run;
    const scope = {
      connectorId: identity.connectorId,
      place: spec.place,
      environment: identity.environment,
    };
    await prepareCheckpoints(services.db, scope, runFolder(settings.folder));
    const request = requestOf(services, run, settings, journal);
    const onStarted = ({ commandLine }: { commandLine: string }): void => {
      void recordStart(services, run.id, commandLine);
    };
    const result = await services.engine.run({
      ...request,
      signal: cancelled,
      detach: stopping,
      onStarted,
    });
    const endedWithUs = result.state === 'cancelled' && stopping.aborted && !cancelled.aborted;
    return endOf(endedWithUs ? lost(result) : result, journal);
  } finally {
    await journal.close();
  }
}

/** The worker ended and took the connector with it: that is nobody's cancel. */
const lost = (result: RunResult): RunResult => ({ ...result, state: 'failed', failure: MACHINE_LOST });

const endOf = (result: RunResult, journal: RunJournal): RunEnd => ({
  state: result.state,
  exitCode: result.exitCode,
  failure: result.failure,
  cpuMs: result.cpuMs,
  memoryPeakMb: result.memoryPeakMb,
  commandLine: result.startedAt === null ? null : result.commandLine,
  logLines: {},
  ...(journal.counters() ?? countersOf(result.sidecar)),
});

async function notStarted(services: Services, run: ClaimedRun, error: unknown): Promise<RunEnd> {
  services.log.error({ err: error, run: run.id }, 'a run could not be started');
  const cause = error instanceof Error ? error.message.replace(/\.+$/, '') : String(error);
  return unmeasured({ origin: 'engine', reason: `The connector could not be started: ${cause}.` });
}

/** While the connector runs; its end records the command line too, so that a failure here is made up for. */
async function recordStart(services: Services, id: string, commandLine: string): Promise<void> {
  await services.db
    .updateTable('runs')
    .set({ cli_command: commandLine })
    .where('id', '=', id)
    .execute()
    .catch((error: unknown) =>
      services.log.warn({ err: error, run: id }, 'the start of a run was not recorded'),
    );
}
