import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { type operations, texts } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { violates } from '../database/conflicts.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { newId } from '../ids.ts';
import { RawJson } from '../json.ts';
import { chooseOwner } from '../organizations/ownership.ts';
import { webhookJson, webhookRepresentation } from './store.ts';

type Operations = typeof operations;

/** Those of the caller and their organizations; an admin sees all. */
export const webhookList: Verb<Operations['webhookList']> = ({ db, actor }, { page }) =>
  readPage(db, page, {
    table: sql`webhooks`,
    alias: 'w',
    where:
      actor.role === 'admin'
        ? sql`true`
        : sql`w.owner_id = ANY(${[actor.id, ...actor.organizations]}::uuid[])`,
    item: webhookRepresentation,
    order: newestFirst('w'),
  });

/** The answer shows the secret, and nothing else ever does. */
export const webhookCreate: Verb<Operations['webhookCreate']> = (context, { body }) =>
  onceNamed(() =>
    inTransaction(context, async (work) => {
      checkAddress(work, body.url);
      const owner = body.owner === null ? ownerOfAll(work) : (await chooseOwner(work, body.owner)).id;
      const secret = `whsec_${randomBytes(32).toString('base64')}`;
      const id = newId();
      const columns = {
        name: body.name,
        url: body.url,
        description: body.description || null,
        events: body.events,
        active: body.active ?? true,
      };
      await work.db
        .insertInto('webhooks')
        .values({
          id,
          ...columns,
          owner_id: owner,
          secret: await work.services.vault.put(work.db, 'webhook-secret', secret),
        })
        .execute();
      await audit(work, {
        action: 'webhook_create',
        entity: { type: 'webhook', id, name: body.name },
        changes: changesBetween({}, { ...columns, owner }),
      });
      const { text } = await webhookJson(work.db, id);
      return new RawJson(`${text.slice(0, -1)},"secret":${JSON.stringify(secret)}}`);
    }),
  );

/** @throws 400 unless the caller is an admin, who may hear every connector */
function ownerOfAll({ actor }: Context): null {
  if (actor.role === 'admin') return null;
  throw badRequest({ owner: 'You are not a member of this organization.' });
}

/**
 * An address that is refused however its name resolves is told at once; what names resolve to is checked at each
 * delivery.
 *
 * @throws 400
 */
function checkAddress({ services }: Context, url: string): void {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const { egress } = services.git.settings;
  const refused =
    isIP(host) === 0
      ? /(^|\.)localhost\.?$/i.test(host) && !egress.allows('127.0.0.1')
      : !egress.allows(host);
  if (refused) throw badRequest({ url: 'This value is not a valid webhook URL.' });
}

/** @throws 400 when the owner has a webhook of this name already */
async function onceNamed<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (violates(error, 'webhooks_name')) throw badRequest({ name: texts.used });
    throw error;
  }
}

export const webhookShow: Verb<Operations['webhookShow']> = ({ db }, { subject }) =>
  webhookJson(db, subject.id);

export const webhookUpdate: Verb<Operations['webhookUpdate']> = (context, { subject, body }) =>
  onceNamed(() =>
    inTransaction(context, async (work) => {
      const before = await work.db
        .selectFrom('webhooks')
        .select(['name', 'url', 'description', 'events', 'active'])
        .where('id', '=', subject.id)
        .forUpdate()
        .executeTakeFirst();
      if (!before) throw notFound('Webhook');
      if (body.url !== undefined) checkAddress(work, body.url);
      const after = {
        name: body.name ?? before.name,
        url: body.url ?? before.url,
        description: body.description === undefined ? before.description : body.description || null,
        events: body.events ?? before.events,
        active: body.active ?? before.active,
      };
      const changes = changesBetween(before, after);
      if (changes.length > 0) {
        await work.db
          .updateTable('webhooks')
          .set({ ...after, updated_at: sql`now()` })
          .where('id', '=', subject.id)
          .execute();
        await audit(work, {
          action: 'webhook_update',
          entity: { type: 'webhook', id: subject.id, name: after.name },
          changes,
        });
      }
      return webhookJson(work.db, subject.id);
    }),
  );

export const webhookDelete: Verb<Operations['webhookDelete']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const { rows } = await sql<{ secret: string }>`
      DELETE FROM webhooks WHERE id = ${subject.id} RETURNING secret`.execute(work.db);
    if (!rows[0]) throw notFound('Webhook');
    await work.services.vault.remove(work.db, rows[0].secret);
    await audit(work, {
      action: 'webhook_delete',
      entity: { type: 'webhook', id: subject.id, name: subject.name },
      changes: [{ path: 'name', from: subject.name, to: null }],
    });
  });

/** Gives the webhooks of one user to another; one whose name the other has already gets a number behind it. */
export async function giveWebhooks(db: Work, from: string, to: string): Promise<void> {
  await sql`
    UPDATE webhooks w SET owner_id = ${to}, updated_at = now(),
      name = CASE WHEN EXISTS (SELECT 1 FROM webhooks o WHERE o.owner_id = ${to} AND o.name = w.name)
        THEN left(w.name, 240) || ' ' || left(w.id::text, 8) ELSE w.name END
    WHERE owner_id = ${from}`.execute(db);
}

/** Deletes the webhooks of an owner that is going away, with their deliveries. */
export async function deleteWebhooksOf(work: Context & { db: Work }, ownerId: string): Promise<void> {
  const { rows } = await sql<{ secret: string }>`
    DELETE FROM webhooks WHERE owner_id = ${ownerId} RETURNING secret`.execute(work.db);
  await work.services.vault.remove(work.db, ...rows.map(({ secret }) => secret));
}
