import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Verb } from '../http/route.ts';
import { describeSettings } from '../settings.ts';
import { version } from '../version.ts';

/** `GET /system`: what an operator wants to know first when something is wrong. */
export const systemShow: Verb<(typeof operations)['systemShow']> = async ({ db, services }) => {
  const { engine, settings, storage } = services;
  const [{ usedBytes, freeBytes }, database, workers] = await Promise.all([
    storage.usage(),
    sql<{ version: string; bytes: number }>`
      SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes`.execute(
      db,
    ),
    sql<{ workers: unknown }>`
      SELECT coalesce(json_agg(json_build_object('id', w.id, 'role', w.role, 'started-at', wire_time(w.started_at),
        'last-heartbeat-at', wire_time(w.last_heartbeat_at)) ORDER BY w.started_at, w.id), '[]') AS workers
      FROM workers w`.execute(db),
  ]);
  return {
    version,
    engine: engine.name,
    isolation: engine.isolation.level,
    settings: describeSettings(settings),
    storage: { 'used-bytes': usedBytes, 'free-bytes': freeBytes },
    database: {
      embedded: settings.databaseUrl === null,
      version: database.rows[0]?.version,
      'size-bytes': database.rows[0]?.bytes,
    },
    workers: workers.rows[0]?.workers,
  };
};
