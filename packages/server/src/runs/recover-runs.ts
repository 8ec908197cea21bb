import { createMasker, type LogSource, RunLog, runFolder } from '@slipway/container-api';
import { type LogSink, MACHINE_LOST } from '@slipway/engine';
import { type RawBuilder, sql } from 'kysely';
import { runningBuildIds } from '../builds/store.ts';
import { handsOf, isUnattended } from '../jobs/hands.ts';
import type { MessageOrigin } from '../platform/gateway.ts';
import type { Services } from '../services.ts';
import { endRun, unmeasured } from './end-run.ts';
import type { RunSpec } from './new-run.ts';
import { shipRun } from './run-shipper.ts';

/**
 * Ends the runs that a dead worker left, and removes what the engine still has of runs that are over.
 */
export async function recoverRuns(services: Services): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM runs WHERE state = 'running' AND ${isUnattended(services, sql.ref('worker_id'), sql.ref('id'))} ORDER BY created_at`.execute(
    services.db,
  );
  for (const { id } of rows) await recoverRun(services, id);
  await services.engine.reap(await activeWork(services));
}

/** Runs and builds whose folders and processes must be left alone: other workers may share this machine's. */
async function activeWork({ db }: Services): Promise<Set<string>> {
  const rows = await db.selectFrom('runs').select('id').where('state', 'in', ['queued', 'running']).execute();
  return new Set([...rows.map((row) => row.id), ...(await runningBuildIds(db))]);
}

/** Ends one run whose worker is dead, unless somebody else does so already. Nothing it wrote is lost. */
export async function recoverRun(services: Services, id: string): Promise<void> {
  const hands = handsOf(services);
  if (hands.has(id)) return;
  // Asked before the run is in our hands, which would make it attended.
  const isLost = isUnattended(services, sql.ref('worker_id'), sql.ref('id'));
  hands.add(id);
  try {
    await endLost(services, id, isLost);
  } finally {
    hands.delete(id);
  }
}

async function originOf({ db }: Services, id: string): Promise<MessageOrigin> {
  const run = await db
    .selectFrom('runs')
    .select(['site_id', 'process_id', 'spec'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const { connectorName } = run.spec as unknown as RunSpec;
  return { site: run.site_id, process: run.process_id, run: id, source: connectorName };
}

async function endLost(services: Services, id: string, isLost: RawBuilder<boolean>): Promise<void> {
  const { rows } = await sql`
    UPDATE runs SET worker_id = ${services.workerId}
    WHERE id = ${id} AND state = 'running' AND ${isLost} RETURNING id`.execute(services.db);
  if (rows.length === 0) return;
  const folder = runFolder(await services.storage.folder('runs', id));
  const log = await RunLog.open(folder.log, {
    // All lines that a lost run still gets are our own.
    masker: createMasker([]),
    limitBytes: Number.POSITIVE_INFINITY,
    now: () => new Date(),
  });
  const sink: LogSink = (level, source, message, context) =>
    log.append({ level, source: source as LogSource, message, ...(context ? { context } : {}) });
  const found = await services.engine.adopt(id, sink);
  if (!found) await sink('error', 'engine', MACHINE_LOST.reason);
  await log.close();
  const shipper = shipRun(services, await originOf(services, id), folder);
  await shipper.finish();
  const end = found
    ? { ...unmeasured(found.failure ?? MACHINE_LOST), ...found, logLines: shipper.counts }
    : { ...unmeasured(MACHINE_LOST), logLines: shipper.counts };
  await endRun(services, id, services.workerId, end);
}
