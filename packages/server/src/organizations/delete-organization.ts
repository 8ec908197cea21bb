import type { operations } from '@slipway/contract';
import { ownsBuckets } from '../buckets/store.ts';
import { ownsConnectors } from '../connectors/store.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { ownsSecrets } from '../secrets/store.ts';
import { deleteWebhooksOf } from '../webhooks/webhooks.ts';
import { lockOrganization } from './store.ts';

/** `DELETE /organizations/{organizationId}`: memberships and webhooks go with it. */
export async function deleteOrganization(
  context: Context,
  { subject }: Input<typeof operations.organizationDelete>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    // Whoever gives it something new waits for this lock, and finds it gone.
    const { name } = await lockOrganization(work.db, subject.id);
    if (await ownsAnything(work.db, subject.id)) {
      throw refused('Organization still owns connectors, buckets or secrets.');
    }
    await remove(work, subject.id);
    await audit(work, {
      action: 'organization_delete',
      entity: { type: 'organization', id: subject.id, name },
      changes: [{ path: 'name', from: name, to: null }],
    });
  });
}

/** Deletes an organization that owns nothing (any more); one that does, or is gone, stays as it is. */
export async function removeUnusedOrganization(work: Context & { db: Work }, id: string): Promise<void> {
  const { db } = work;
  const row = await db
    .selectFrom('organizations')
    .select('id')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (row && !(await ownsAnything(db, id))) await remove(work, id);
}

async function remove(work: Context & { db: Work }, id: string): Promise<void> {
  await deleteWebhooksOf(work, id);
  await work.db.deleteFrom('organizations').where('id', '=', id).execute();
}

const ownsAnything = async (db: Work, id: string): Promise<boolean> =>
  (await ownsConnectors(db, id)) || (await ownsBuckets(db, id)) || (await ownsSecrets(db, id));
