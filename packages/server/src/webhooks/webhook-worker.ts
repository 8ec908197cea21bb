import { sql } from 'kysely';
import { type Repeated, repeat } from '../jobs/repeat.ts';
import type { Services } from '../services.ts';
import { type Outcome, send } from './send.ts';

/** Seconds until the next attempt, after each that failed: 8 attempts in all, within 24 h (3.17). */
export const delays = [10, 60, 300, 1800, 7200, 21_600, 43_200] as const;

/** Seconds after which an attempt counts as lost with its worker; it ends by itself long before. */
const leaseSeconds = 30;

const atOnce = 8;
const keptDays = 30;

/** Delivers messages, and looks once a minute for those whose job was lost, and for those that are old enough to go. */
export async function startWebhookWorker(services: Services): Promise<Repeated> {
  await services.jobs.work('webhook', atOnce, (id) => deliver(services, id));
  return repeat(60_000, () => tidyDeliveries(services), services.log);
}

interface Attempt {
  url: string;
  active: boolean;
  secret: string;
  message: string;
  payload: string;
  attempts: number;
}

/** One attempt. Nothing happens when it is not due, or somebody else makes it. */
async function deliver(services: Services, id: string): Promise<void> {
  const attempt = await claim(services, id);
  if (!attempt) return;
  if (!attempt.active)
    return settle(services, id, attempt, { status: null, body: 'The webhook is not active.' });
  const secret = await services.vault.open(services.db, attempt.secret);
  const message = { url: attempt.url, id: attempt.message, body: attempt.payload, secret };
  await settle(services, id, attempt, await send(message, services.git.settings.egress));
}

async function claim({ db }: Services, id: string): Promise<Attempt | undefined> {
  // A second of grace: the queue's clock and the row's are read one after the other.
  const { rows } = await sql<Attempt>`
    UPDATE webhook_deliveries d SET attempts = d.attempts + 1,
      leased_until = now() + make_interval(secs => ${leaseSeconds})
    FROM webhooks w
    WHERE d.id = ${id} AND w.id = d.webhook_id AND d.status = 'pending'
      AND d.next_attempt_at <= now() + interval '1 second'
      AND (d.leased_until IS NULL OR d.leased_until < now())
    RETURNING w.url, w.active, w.secret, d.message_id AS message, d.payload::text AS payload, d.attempts`.execute(
    db,
  );
  return rows[0];
}

/** Records the outcome; a failed attempt is followed by the next one, until there were eight. */
const settle = (
  { db, jobs }: Services,
  id: string,
  { attempts, active }: Attempt,
  { status, body }: Outcome,
): Promise<void> =>
  db.transaction().execute(async (work) => {
    const delivered = status !== null && status >= 200 && status < 300;
    const delay = delivered || !active ? undefined : delays[attempts - 1];
    const { numUpdatedRows } = await work
      .updateTable('webhook_deliveries')
      .set({
        status: delivered ? 'delivered' : delay === undefined ? 'failed' : 'pending',
        response_status: status,
        response_body: body,
        leased_until: null,
        next_attempt_at: delay === undefined ? null : sql`now() + make_interval(secs => ${delay})`,
        ...(delivered ? { delivered_at: sql<Date>`now()` } : {}),
      })
      .where('id', '=', id)
      .where('status', '=', 'pending')
      .executeTakeFirst();
    if (delay !== undefined && numUpdatedRows > 0) await jobs.send(work, 'webhook', id, delay);
  });

/** Sends jobs for due deliveries that nobody works on, and forgets deliveries older than 30 days. */
export async function tidyDeliveries({ db, jobs }: Services): Promise<void> {
  await db.transaction().execute(async (work) => {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM webhook_deliveries
      WHERE status = 'pending' AND next_attempt_at < now() - make_interval(secs => ${leaseSeconds})
        AND (leased_until IS NULL OR leased_until < now())
      ORDER BY next_attempt_at LIMIT 1000`.execute(work);
    for (const { id } of rows) await jobs.send(work, 'webhook', id);
  });
  await sql`
    DELETE FROM webhook_deliveries WHERE created_at < now() - make_interval(days => ${keptDays})`.execute(db);
}
