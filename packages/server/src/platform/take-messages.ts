import type { StoredEvent, StoredNotification } from '@slipway/container-api';
import { sql } from 'kysely';
import type { Work } from '../database/database.ts';
import type { MessageOrigin } from './gateway.ts';

/** Events of one code and process that are kept as they are; the others are counted (product.md 9). */
const samplesKept = 100;

/** The first word of a code tells the type; other codes count as info (product.md 3). */
const typeOf = (code: string): 'error' | 'warning' | 'info' =>
  code.startsWith('ERROR_') ? 'error' : code.startsWith('WARNING_') ? 'warning' : 'info';

/** Without a run where the process itself says it. */
export interface NotificationOrigin extends Omit<MessageOrigin, 'run'> {
  run: string | null;
}

/**
 * Shows lines in the notification panel of a site. Those of a site that has been deleted are let go.
 *
 * Lines of a site are added one transaction after the other: a reader who has seen one has seen all before it, which
 * marking them as read relies on.
 */
export async function addNotifications(
  db: Work,
  origin: NotificationOrigin,
  lines: readonly StoredNotification[],
): Promise<void> {
  if (lines.length === 0) return;
  await sql`SELECT pg_advisory_xact_lock(hashtext('notifications'), ${origin.site})`.execute(db);
  await sql`
    INSERT INTO notifications (site_id, process_id, run_id, level, message, source, created_at)
    SELECT s.id, ${origin.process}, ${origin.run}, l.level, l.message, ${origin.source}, l.time
    FROM json_to_recordset(${JSON.stringify(lines)}) AS l(time timestamptz, level text, message text),
      sites s WHERE s.id = ${origin.site} FOR KEY SHARE OF s`.execute(db);
}

/** Adds events about single items to the errors of a site, grouped by process and code. */
export async function addEvents(
  db: Work,
  origin: MessageOrigin,
  events: readonly StoredEvent[],
): Promise<void> {
  const codes = Map.groupBy(events, ({ code }) => code);
  // Runs of one process may report the same codes at the same time: one order keeps them from waiting for each other.
  for (const code of [...codes.keys()].sort()) {
    const ofCode = codes.get(code) as StoredEvent[];
    const [first] = ofCode as [StoredEvent];
    const samples = ofCode
      .slice(0, samplesKept)
      .map(({ message, context, 'item-id': item }) => ({ message, 'item-id': item, context }));
    await sql`
      INSERT INTO site_errors AS e (site_id, process_id, code, message, type, count, samples, created_at)
      SELECT s.id, ${origin.process}, ${code}, ${first.message}, ${typeOf(code)}, ${ofCode.length},
        ${JSON.stringify(samples)}, ${first.time}::timestamptz
      FROM sites s WHERE s.id = ${origin.site} FOR KEY SHARE OF s
      ON CONFLICT (process_id, code) DO UPDATE SET
        count = e.count + excluded.count,
        samples = CASE WHEN json_array_length(e.samples) >= ${samplesKept} THEN e.samples ELSE (
          SELECT json_agg(x.value ORDER BY x.part, x.place) FROM (
            SELECT 0 AS part, a.ordinality AS place, a.value
            FROM json_array_elements(e.samples) WITH ORDINALITY a
            UNION ALL
            SELECT 1, b.ordinality, b.value FROM json_array_elements(excluded.samples) WITH ORDINALITY b
            ORDER BY part, place LIMIT ${samplesKept}) x) END`.execute(db);
  }
}
