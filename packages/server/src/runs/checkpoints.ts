import { mkdir } from 'node:fs/promises';
import {
  type CheckpointChange,
  permanentChanges,
  type RunFolder,
  runFolder,
  type StoredCheckpoint,
  writeCheckpoints,
} from '@slipway/container-api';
import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import type { Services } from '../services.ts';
import type { RunSpec } from './new-run.ts';

/** Versions of a key that are kept (container-api.md 5.22). */
const versionsKept = 20;

/** Whose checkpoints: a connector at its place of use, in one environment. */
export interface CheckpointScope {
  connectorId: string;
  /** See the table's comment. */
  place: string;
  environment: 'dev' | 'prod';
}

interface Row {
  key: string;
  version: number;
  value: string;
  deleted: boolean;
  updated_at: string;
}

/** Gives a new run the checkpoints that earlier ones left, one after the other: they may be large. */
export async function prepareCheckpoints(
  db: Database,
  scope: CheckpointScope,
  folder: RunFolder,
): Promise<void> {
  await mkdir(folder.stateFolder, { recursive: true });
  await writeCheckpoints(folder, present(db, scope));
}

async function* present(db: Database, scope: CheckpointScope): AsyncGenerator<StoredCheckpoint> {
  const ofScope = sql`connector_id = ${scope.connectorId} AND place = ${scope.place}
    AND environment = ${scope.environment}`;
  const { rows: keys } = await sql<{ key: string; version: number }>`
    SELECT key, max(version) AS version FROM checkpoints WHERE ${ofScope} GROUP BY key ORDER BY key`.execute(
    db,
  );
  for (const { key, version } of keys) {
    const { rows } = await sql<Row>`
      SELECT key, version, value, deleted,
        to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') AS updated_at
      FROM checkpoints WHERE ${ofScope} AND key = ${key} AND version = ${version}`.execute(db);
    for (const { value, deleted, updated_at: updatedAt } of rows) {
      yield { key, text: deleted ? null : value, version, updatedAt };
    }
  }
}

/**
 * Makes changes of a run permanent. Doing it twice does no harm; a run that came later is not set back.
 *
 * @param which `now`: those that count whatever became of the run; `all`: its results were taken over
 */
export async function keepCheckpoints(
  db: Work,
  services: Services,
  run: string,
  which: 'now' | 'all',
): Promise<void> {
  const scope = await scopeOf(db, run);
  if (scope === null) return;
  const folder = runFolder(await services.storage.folder('runs', run));
  for await (const change of permanentChanges(folder, which === 'all', versionsKept)) {
    await keepChange(db, scope, run, change);
  }
}

/** Removes the checkpoints of places that are no more. */
export async function forgetCheckpoints(db: Work, places: readonly string[]): Promise<void> {
  await sql`DELETE FROM checkpoints WHERE place = ANY(${places})`.execute(db);
}

async function scopeOf(db: Database, run: string): Promise<CheckpointScope | null> {
  const row = await db
    .selectFrom('runs')
    .select(['connector_id', 'environment', 'spec'])
    .where('id', '=', run)
    .executeTakeFirst();
  if (!row) return null;
  const { place } = row.spec as unknown as Pick<RunSpec, 'place'>;
  return { connectorId: row.connector_id, place, environment: row.environment as 'dev' | 'prod' };
}

async function keepChange(
  db: Work,
  { connectorId, place, environment }: CheckpointScope,
  run: string,
  { key, version, text, updatedAt }: CheckpointChange,
): Promise<void> {
  const ofKey = sql`connector_id = ${connectorId} AND place = ${place} AND environment = ${environment} AND key = ${key}`;
  if (text === null) {
    // The version that was deleted may have been dropped with a failed run: then an older one is what there is.
    await sql`UPDATE checkpoints SET deleted = true, updated_at = ${updatedAt}
      WHERE ${ofKey} AND version <= ${version}
        AND version = (SELECT max(version) FROM checkpoints WHERE ${ofKey})`.execute(db);
    return;
  }
  await sql`
    INSERT INTO checkpoints (connector_id, place, environment, key, version, value, run_id, updated_at)
    SELECT ${connectorId}, ${place}, ${environment}, ${key}, ${version}, ${text}, ${run}, ${updatedAt}
    WHERE NOT EXISTS (SELECT 1 FROM checkpoints WHERE ${ofKey} AND version > ${version})
    ON CONFLICT DO NOTHING`.execute(db);
  await sql`DELETE FROM checkpoints WHERE ${ofKey} AND version <= ${version - versionsKept}`.execute(db);
}
