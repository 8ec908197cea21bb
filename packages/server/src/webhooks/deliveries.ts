import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import { notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { newId } from '../ids.ts';
import { deliveryRepresentation } from './store.ts';

type Operations = typeof operations;

export const webhookDeliveryList: Verb<Operations['webhookDeliveryList']> = (
  { db },
  { subject, query, page },
) =>
  readPage(db, page, {
    table: sql`webhook_deliveries`,
    alias: 'd',
    where: sql`d.webhook_id = ${subject.id} ${query.status === undefined ? sql`` : sql`AND d.status = ${query.status}`}`,
    item: deliveryRepresentation,
    order: newestFirst('d'),
  });

/** A new delivery of the same message: receivers know by `webhook-id` that they have seen it. */
export const webhookRedeliver: Verb<Operations['webhookRedeliver']> = (context, { subject, params }) =>
  inTransaction(context, async (work) => {
    const id = newId();
    const { rows } = await sql<{ active: boolean; event: string }>`
      SELECT w.active, d.event FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
      WHERE d.id = ${params.deliveryId} AND d.webhook_id = ${subject.id} FOR SHARE OF w`.execute(work.db);
    const row = rows[0];
    if (!row) throw notFound('Delivery');
    if (!row.active) throw refused('Webhook is not active.');
    await sql`
      INSERT INTO webhook_deliveries (id, webhook_id, message_id, event, payload)
      SELECT ${id}, webhook_id, message_id, event, payload FROM webhook_deliveries
      WHERE id = ${params.deliveryId}`.execute(work.db);
    await work.services.jobs.send(work.db, 'webhook', id);
    await audit(work, {
      action: 'webhook_redeliver',
      entity: { type: 'webhook', id: subject.id, name: subject.name },
      changes: [{ path: 'delivery', from: params.deliveryId, to: id }],
    });
  });
