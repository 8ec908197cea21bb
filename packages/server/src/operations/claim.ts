import type { BackgroundAction } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Work } from '../database/database.ts';
import { announce } from '../events/signals.ts';
import { handsOf, isUnattended } from '../jobs/hands.ts';
import { isDead } from '../jobs/leases.ts';
import type { Services } from '../services.ts';
import { type ActionKind, type ClaimedAction, mostAttempts } from './action.ts';

/** SQL on `states s`: nobody works on it. */
export const isFree = (services: Services): RawBuilder<boolean> =>
  isUnattended(services, sql`s.worker_id`, sql`s.id`);

/** The oldest build that waits for a worker: builds are done in the order of their arrival. */
export async function nextBuild(services: Services): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    SELECT s.id FROM states s
    WHERE s.name = 'build' AND s.status = 'pending' AND s.attempts < ${mostAttempts} AND ${isFree(services)}
      AND s.id <> ALL(${[...handsOf(services)]}::uuid[])
    ORDER BY s.created_at, s.id LIMIT 1`.execute(services.db);
  return rows[0]?.id ?? null;
}

/** Takes an operation up for this process; null when somebody else has it, or it has settled. */
export function claim(
  services: Services,
  id: string,
  kinds: Partial<Record<BackgroundAction, ActionKind>>,
): Promise<ClaimedAction | null> {
  return services.db.transaction().execute(async (db) => {
    const { rows } = await sql<ClaimedAction>`
      UPDATE states s SET worker_id = ${services.workerId}, attempts = s.attempts + 1,
        started_at = coalesce(s.started_at, now())
      WHERE s.id = ${id} AND s.status = 'pending' AND s.attempts < ${mostAttempts}
        AND (${isDead(sql`s.worker_id`)} OR s.worker_id = ${services.workerId})
      RETURNING s.id, s.name, s.connector_id AS "connectorId", s.version_id AS "versionId", s.major,
        s.steps_done AS "stepsDone", s.attempts AS attempt`.execute(db);
    const action = rows[0];
    if (!action) return null;
    await kinds[action.name]?.onClaimed?.(db, id);
    await announce(db, id);
    return action;
  });
}

/** Gives an operation back that the stopping server could not finish; this attempt does not count. */
export function release(services: Services, id: string, kind: ActionKind): Promise<void> {
  return services.db.transaction().execute(async (db: Work) => {
    const { numUpdatedRows } = await db
      .updateTable('states')
      .set({ worker_id: null, attempts: sql<number>`attempts - 1` })
      .where('id', '=', id)
      .where('worker_id', '=', services.workerId)
      .where('status', '=', 'pending')
      .executeTakeFirst();
    if (numUpdatedRows > 0n) await kind.onReleased?.(db, id);
  });
}
