import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';
import { owns } from '../identity/actor.ts';

export interface WebhookSubject {
  id: string;
  name: string;
  ownerId: string | null;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    webhook: WebhookSubject;
  }
}

/** A webhook without an owner hears every connector, so it is the admins'. */
export const resolveWebhook: Resolver<'webhook'> = async ({ db, actor }, params) => {
  const subject = await db
    .selectFrom('webhooks')
    .select(['id', 'name', 'owner_id as ownerId'])
    .where('id', '=', params.webhookId as string)
    .executeTakeFirst();
  if (!subject) throw notFound('Webhook');
  const right = actor.role === 'admin' ? 'admin' : owns(actor, subject.ownerId) ? 'write' : 'none';
  return { subject, right, thing: 'Webhook' };
};
