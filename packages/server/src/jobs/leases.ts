import { hostname } from 'node:os';
import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Database } from '../database/database.ts';

const heartbeatMs = 10_000;
const expirySeconds = 60;

/** First half of the advisory lock that a living worker holds; the second is a hash of its id. */
const workerLock = 7021;

export interface Lease {
  stop(): Promise<void>;
}

/**
 * Registers this process among the workers and keeps it alive there: a heartbeat every 10 s, and a session lock that
 * PostgreSQL lets go at once when the process is killed. Work rows name their worker; `isDead` tells whether somebody
 * else may take them over.
 */
export async function holdLease(
  db: Database,
  databaseUrl: string,
  worker: { id: string; role: string },
  log: Logger,
): Promise<Lease> {
  await db
    .insertInto('workers')
    .values({ id: worker.id, role: worker.role, host: hostname(), pid: process.pid })
    .execute();
  let session: pg.Client | null = null;
  let stopped = false;

  const beat = async (): Promise<void> => {
    try {
      session ??= await lockSession(databaseUrl, worker.id, () => {
        session = null;
      });
      await sql`UPDATE workers SET last_heartbeat_at = now() WHERE id = ${worker.id}`.execute(db);
    } catch (error) {
      log.warn({ err: error }, 'the heartbeat of this worker failed; trying again');
    }
  };
  await beat();
  const timer = setInterval(beat, heartbeatMs);

  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      await session?.end().catch(() => {});
      await db.deleteFrom('workers').where('id', '=', worker.id).execute();
    },
  };
}

async function lockSession(databaseUrl: string, workerId: string, onLost: () => void): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, keepAlive: true });
  client.on('error', onLost);
  await client.connect();
  await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [workerLock, workerId]);
  return client;
}

/**
 * SQL: has the worker named in `column` gone away? True for null too. Its lock is free (it was killed) or its heartbeat
 * is older than 60 s (its machine is out of reach).
 */
export const isDead = (column: RawBuilder<unknown>): RawBuilder<boolean> => sql<boolean>`
  (${column} IS NULL OR NOT EXISTS (
    SELECT 1 FROM workers w
    WHERE w.id = ${column} AND w.last_heartbeat_at > now() - make_interval(secs => ${expirySeconds})
      AND EXISTS (
        SELECT 1 FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.classid = ${workerLock}::oid AND l.objsubid = 2 AND l.granted
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.objid = ((hashtext(w.id::text)::bigint & 4294967295)::oid))))`;
