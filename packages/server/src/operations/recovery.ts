import type { BackgroundAction } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import { audit } from '../events/audit.ts';
import type { Services } from '../services.ts';
import { lockVersion } from '../versions/store.ts';
import { mostAttempts, workerLost } from './action.ts';
import { isFree } from './claim.ts';
import { kinds } from './kinds.ts';
import { systemContext } from './system-context.ts';
import { failAction, lockAction, movingActions, setVersion } from './transitions.ts';

const everyMs = 60_000;

/** What a look around found and mended. */
export interface Recovered {
  /** Operations that were sent to the workers again. */
  resumed: number;
  /** Operations that were ended, since they had been resumed often enough or nobody performs them. */
  ended: number;
  /** Versions in flight that nothing was working on. */
  returned: number;
}

/** Looks for work without a worker at once and then every minute. */
export async function startRecovery(services: Services): Promise<{ stop(): Promise<void> }> {
  let looking: Promise<unknown> = Promise.resolve();
  const look = (): void => {
    looking = recover(services).catch((error: unknown) =>
      services.log.error({ err: error }, 'work without a worker could not be looked for'),
    );
  };
  look();
  await looking;
  const timer = setInterval(look, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/**
 * Goes on with what a lost worker left behind (product.md 2.10): an operation is resumed twice at most, then it fails and
 * the version goes back; what only waits gets its job again; no version rests in flight without an operation.
 */
export async function recover(services: Services): Promise<Recovered> {
  const found: Recovered = { resumed: 0, ended: 0, returned: 0 };
  const { rows: pending } = await sql<{ id: string; name: BackgroundAction; attempts: number }>`
    SELECT s.id, s.name, s.attempts FROM states s
    WHERE s.status = 'pending' AND ${isFree(services)} ORDER BY s.created_at, s.id`.execute(services.db);
  for (const { id, name, attempts } of pending) {
    const resumable = kinds[name] !== undefined && attempts < mostAttempts;
    if (!(await (resumable ? resume(services, id) : end(services, id)))) continue;
    found[resumable ? 'resumed' : 'ended'] += 1;
  }
  for (const id of await abandonedVersions(services)) {
    if (await returnVersion(services, id)) found.returned += 1;
  }
  if (found.resumed + found.ended + found.returned > 0) services.log.info(found, 'work without a worker');
  return found;
}

/** Puts an operation back into the queue. */
const resume = (services: Services, id: string): Promise<boolean> =>
  services.db.transaction().execute(async (db) => {
    const { rows } = await sql<{ name: BackgroundAction; interrupted: boolean }>`
      SELECT s.name, s.worker_id IS NOT NULL AS interrupted FROM states s
      WHERE s.id = ${id} AND s.status = 'pending' AND ${isFree(services)} FOR UPDATE`.execute(db);
    const row = rows[0];
    const kind = row && kinds[row.name];
    if (!kind) return false;
    if (row.interrupted) {
      await db.updateTable('states').set({ worker_id: null }).where('id', '=', id).execute();
      await kind.onReleased?.(db, id);
    }
    await services.jobs.send(db, kind.queue, id);
    return true;
  });

const end = (services: Services, id: string): Promise<boolean> =>
  inTransaction(systemContext(services), async (work) => {
    const locked = await lockAction(work.db, id);
    if (!locked) return false;
    const { rows } = await sql`SELECT 1 FROM states s WHERE s.id = ${id} AND ${isFree(services)}`.execute(
      work.db,
    );
    if (rows.length === 0) return false;
    const kind = kinds[locked.name];
    const step = locked.step ?? kind?.firstStep ?? 'engine';
    await failAction(work, locked, { step, error: workerLost, exitCode: null, cancelled: false }, kind);
    return true;
  });

async function abandonedVersions({ db }: Services): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT v.id FROM connector_versions v WHERE v.state_before IS NOT NULL AND ${withoutOperation}`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

const withoutOperation = sql<boolean>`NOT EXISTS (
  SELECT 1 FROM states s
  WHERE s.version_id = v.id AND s.status = 'pending' AND s.name = ANY(${movingActions}::text[]))`;

const returnVersion = (services: Services, id: string): Promise<boolean> =>
  inTransaction(systemContext(services), async (work) => {
    const row = await lockVersion(work.db, id);
    // Looked up again under the lock: an operation may have begun, or ended, since.
    const { rows } = await sql`
      SELECT 1 FROM connector_versions v WHERE v.id = ${id} AND v.state_before IS NOT NULL AND ${withoutOperation}`.execute(
      work.db,
    );
    if (rows.length === 0 || row.state_before === null) return false;
    await setVersion(work.db, id, { state: row.state_before, state_before: null });
    await audit(work, {
      action: 'system.recover',
      entity: { type: 'connector-version', id: `${row.connector_id}/${row.major}`, name: row.name },
      connector: row.connector_id,
      changes: [{ path: 'state', from: row.state, to: row.state_before }],
    });
    return true;
  });
