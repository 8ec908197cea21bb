import {
  type RunFolder,
  readJournal,
  type StoredEvents,
  type StoredNotification,
} from '@slipway/container-api';
import { sql } from 'kysely';
import type { Work } from '../database/database.ts';
import type { MessageOrigin } from '../platform/gateway.ts';
import type { Services } from '../services.ts';

/** A journal of messages, and who takes its entries. */
interface Spool<T> {
  readonly column: 'notifications' | 'events';
  readonly path: string;
  readonly take: (db: Work, entries: readonly T[]) => Promise<void>;
}

/**
 * Hands the notifications and events of a run to its site, each once: how far a journal has been taken is stored with
 * what was taken.
 *
 * @returns a function that ships what has come since the last time
 */
export function messageShipper(
  services: Services,
  origin: MessageOrigin,
  folder: RunFolder,
): () => Promise<void> {
  const { platform } = services;
  const notifications = spoolShipper<StoredNotification>(services, origin.run, {
    column: 'notifications',
    path: folder.notifications,
    take: (db, lines) => platform.addNotifications(db, origin, lines),
  });
  const events = spoolShipper<StoredEvents>(services, origin.run, {
    column: 'events',
    path: folder.events,
    take: (db, calls) => platform.addEvents(db, origin, calls.flat()),
  });
  return async () => {
    await notifications();
    await events();
  };
}

function spoolShipper<T>(services: Services, run: string, { column, path, take }: Spool<T>) {
  const name = sql.ref(column);
  let known = 0;
  return async (): Promise<void> => {
    // Most runs say nothing: then the database is not asked.
    while ((await readJournal<T>(path, known)).entries.length > 0) {
      known = await services.db.transaction().execute(async (db) => {
        await sql`INSERT INTO run_spools (run_id) VALUES (${run}) ON CONFLICT DO NOTHING`.execute(db);
        const { rows } = await sql<{ taken: string }>`
          SELECT ${name} AS taken FROM run_spools WHERE run_id = ${run} FOR UPDATE`.execute(db);
        const { entries, offset } = await readJournal<T>(path, Number(rows[0]?.taken ?? 0));
        if (entries.length === 0) return offset;
        await take(db, entries);
        await sql`UPDATE run_spools SET ${name} = ${offset} WHERE run_id = ${run}`.execute(db);
        return offset;
      });
    }
  };
}
