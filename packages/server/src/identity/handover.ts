import { type FieldErrors, operations } from '@slipway/contract';
import { giveAllBuckets } from '../buckets/give-buckets.ts';
import { giveConnectors } from '../connectors/store.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { giveStates } from '../operations/store.ts';
import { moveOrganizations } from '../organizations/ownership.ts';
import { giveSecrets } from '../secrets/store.ts';
import { giveWebhooks } from '../webhooks/webhooks.ts';
import { endSignIns } from './oauth/sign-ins.ts';

/**
 * `POST /handover`: all that one user owns becomes another's, who also takes their place in organizations and on the
 * platform. The first one's tokens and sign-ins end with it.
 */
export async function handover(context: Context, { body }: Input<typeof operations.handover>): Promise<void> {
  const [from, to] = [body.from.toLowerCase(), body.to.toLowerCase()];
  await inTransaction(context, async (work) => {
    const { db, services } = work;
    const name = await requireBoth(work, from, to);
    await giveConnectors(db, from, to);
    await giveAllBuckets(db, from, to);
    await giveSecrets(db, from, to);
    await giveStates(db, from, to);
    await moveOrganizations(db, from, to);
    await services.platform.moveMemberships(db, from, to);
    await services.platform.giveChannels(db, from, to);
    await giveWebhooks(db, from, to);
    await endSignIns(db, from);
    await db.deleteFrom('tokens').where('user_id', '=', from).execute();
    await audit(work, {
      action: operations.handover.id,
      entity: { type: 'user', id: from, name },
      changes: [{ path: 'owner', from, to }],
    });
  });
}

/**
 * Locks both users, so that neither changes in between.
 *
 * @returns the name the audit trail knows the first one by
 * @throws 400 naming who does not exist
 */
async function requireBoth({ db }: { db: Work }, from: string, to: string): Promise<string> {
  const users = await db
    .selectFrom('users')
    .select(['id', 'email'])
    .where('id', 'in', [from, to])
    .orderBy('id')
    .forUpdate()
    .execute();
  const errors: FieldErrors = {};
  const giver = users.find(({ id }) => id === from);
  if (!giver) errors.from = 'User not found.';
  if (!users.some(({ id }) => id === to)) errors.to = 'User not found.';
  else if (from === to) errors.to = 'The two users must differ.';
  if (!giver || Object.keys(errors).length > 0) throw badRequest(errors);
  return giver.email;
}
