import type { WebhookEvent } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import type { RawJson } from '../json.ts';

/** What an event is about; asked for only while somebody listens. */
export interface News {
  /** Owners of the connectors it is about: their webhooks hear it, and those that hear every connector. */
  owners(): Promise<readonly string[]>;
  /** The representation the event carries. */
  data(): Promise<RawJson>;
}

/**
 * Tells the webhooks of an event in the transaction of the change: what is rolled back was never told, and what is
 * committed is delivered. Without a webhook for the event this costs one look into an index.
 */
export async function notify(work: Context & { db: Work }, event: WebhookEvent, news: News): Promise<void> {
  const { db, services } = work;
  const { rows: listeners } = await sql<{ id: string; owner: string | null }>`
    SELECT id, owner_id AS owner FROM webhooks
    WHERE active AND events && ARRAY['*', ${event}]::text[]`.execute(db);
  if (listeners.length === 0) return;
  const owners = await news.owners();
  const told = listeners.filter(({ owner }) => owner === null || owners.includes(owner));
  if (told.length === 0) return;
  const { text } = await news.data();
  const { rows } = await sql<{ time: string }>`SELECT wire_time(now()) AS time`.execute(db);
  for (const { id } of told) {
    const message = newId();
    const delivery = newId();
    const payload = `{"id":"${message}","type":"${event}","time":"${rows[0]?.time}","data":${text}}`;
    await db
      .insertInto('webhook_deliveries')
      .values({ id: delivery, webhook_id: id, message_id: message, event, payload })
      .execute();
    await services.jobs.send(db, 'webhook', delivery);
  }
}
