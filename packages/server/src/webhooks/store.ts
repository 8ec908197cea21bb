import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { RawJson } from '../json.ts';

/** The webhook as the API shows it (3.17), alias `w`. The secret stays in the vault. */
export const webhookRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'id', w.id, 'name', w.name, 'url', w.url, 'description', w.description, 'events', w.events, 'owner', w.owner_id,
  'active', w.active, 'created-at', wire_time(w.created_at), 'updated-at', wire_time(w.updated_at))`;

/** A delivery, alias `d`. */
export const deliveryRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'id', d.id, 'webhook', d.webhook_id, 'event', d.event, 'status', d.status, 'attempts', d.attempts,
  'response-status', d.response_status, 'response-body', d.response_body,
  'next-attempt-at', wire_time(d.next_attempt_at), 'delivered-at', wire_time(d.delivered_at),
  'created-at', wire_time(d.created_at), 'payload', d.payload)`;

export async function webhookJson(db: Database, id: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${webhookRepresentation})::text AS json FROM webhooks w WHERE w.id = ${id}`.execute(db);
  return new RawJson((rows[0] as { json: string }).json);
}
