import { createMasker, runFolder } from '@slipway/container-api';
import { MACHINE_LOST, RunDetachedError } from '@slipway/engine';
import { type RawBuilder, sql } from 'kysely';
import { runningBuildIds } from '../builds/store.ts';
import { handsOf, isUnattended } from '../jobs/hands.ts';
import { watchCancel } from '../jobs/watch-cancel.ts';
import type { Services } from '../services.ts';
import { originOf, takeOverRun } from './claimed-run.ts';
import { countersOf, endRun, unmeasured } from './end-run.ts';
import { RunJournal } from './run-journal.ts';
import { openSettings, requestOf } from './run-request.ts';
import { shipRun } from './run-shipper.ts';

/**
 * Takes up the runs that a dead worker left, and removes what the engine still has of runs that are over. Where
 * connectors outlive their worker, they are watched from now on and this does not wait for their ends.
 *
 * @param stopping aborted when this worker ends
 */
export async function recoverRuns(services: Services, stopping: AbortSignal): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM runs WHERE state = 'running' AND ${isUnattended(services, sql.ref('worker_id'), sql.ref('id'))} ORDER BY created_at`.execute(
    services.db,
  );
  for (const { id } of rows) {
    const recovering = recoverRun(services, id, stopping);
    if (!services.engine.outlivesServer) await recovering;
    else {
      recovering.catch((error: unknown) =>
        services.log.error({ err: error, run: id }, 'a run of a lost worker could not be taken up'),
      );
    }
  }
  await services.engine.reap(await activeWork(services));
}

/** Runs and builds whose folders and processes must be left alone: other workers may share this machine's. */
async function activeWork({ db }: Services): Promise<Set<string>> {
  const rows = await db.selectFrom('runs').select('id').where('state', 'in', ['queued', 'running']).execute();
  return new Set([...rows.map((row) => row.id), ...(await runningBuildIds(db))]);
}

/**
 * Takes up one run whose worker is dead, unless somebody else does so already: watches it to its end where it lives, ends
 * it truthfully where not. Nothing it wrote is lost.
 *
 * @param stopping aborted when this worker ends; what still lives then is left for another
 */
export async function recoverRun(services: Services, id: string, stopping: AbortSignal): Promise<void> {
  const hands = handsOf(services);
  if (hands.has(id)) return;
  // Asked before the run is in our hands, which would make it attended.
  const isLost = isUnattended(services, sql.ref('worker_id'), sql.ref('id'));
  hands.add(id);
  try {
    await takeUp(services, id, isLost, stopping);
  } catch (error) {
    if (!(error instanceof RunDetachedError)) throw error;
  } finally {
    hands.delete(id);
  }
}

async function takeUp(
  services: Services,
  id: string,
  isLost: RawBuilder<boolean>,
  stopping: AbortSignal,
): Promise<void> {
  const run = await takeOverRun(services, id, isLost);
  if (!run) return;
  const folder = await services.storage.folder('runs', id);
  const shipper = shipRun(services, originOf(run), runFolder(folder));
  const cancel = new AbortController();
  const watching = watchCancel(services, 'runs', id, cancel);
  // All lines that a lost run still gets are our own.
  let journal = new RunJournal(services, run, folder, createMasker([]));
  const resume = async () => {
    const settings = await openSettings(services, run);
    journal = new RunJournal(services, run, folder, createMasker(settings.secretValues));
    const request = requestOf(services, run, settings, journal);
    return { ...request, signal: cancel.signal, detach: stopping };
  };
  try {
    const found = await services.engine.adopt(id, (...line) => journal.sink(...line), resume);
    if (!found) await journal.sink('error', 'engine', MACHINE_LOST.reason);
    await journal.close();
    await shipper.finish();
    const end = found
      ? { ...unmeasured(found.failure ?? MACHINE_LOST), ...found, ...countersOf(found.sidecar) }
      : unmeasured(MACHINE_LOST);
    await endRun(services, id, services.workerId, { ...end, logLines: shipper.counts });
  } finally {
    watching.stop();
    await shipper.finish().catch(() => {});
  }
}
