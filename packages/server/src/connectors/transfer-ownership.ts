import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { giveBuckets } from '../buckets/give-buckets.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, Refusal } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { type Owner, readNewOwner } from '../organizations/ownership.ts';
import { linkedBuckets } from '../versions/bucket-links.ts';
import { moveDevReferences } from '../versions/move-dev-references.ts';
import { lockVersions } from '../versions/store.ts';
import { checkLimit } from './create-connector.ts';
import { lockConnector } from './store.ts';

/** `PUT /connectors/{publicId}/owner`: linked buckets go with it. */
export async function transferOwnership(
  context: Context,
  { subject, body }: Input<typeof operations.connectorTransferOwnership>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    const row = await lockConnector(work.db, subject.id);
    // Nobody links a bucket between looking at the links and giving the buckets away.
    await lockVersions(work.db, subject.id);
    const buckets = await linkedBuckets(work.db, subject.id);
    const owner = await newOwner(work, body.new_owner.toLowerCase(), {
      before: row.owner_id,
      shared: buckets.some(({ shared }) => shared),
    });
    await requireAccount(work, body.account ?? null);
    await work.db
      .updateTable('connectors')
      .set({ owner_id: owner.id, owner_kind: owner.kind, updated_at: sql<Date>`now()` })
      .where('id', '=', subject.id)
      .execute();
    await giveBuckets(
      work.db,
      buckets.map(({ id }) => id),
      owner.id,
    );
    if (body.account) await moveDevReferences(work.db, subject.id, body.account);
    await audit(work, {
      action: 'connector_transfer_ownership',
      entity: { type: 'connector', id: subject.id, name: row.name },
      connector: subject.id,
      changes: [
        { path: 'owner', from: row.owner_id, to: owner.id },
        ...(body.account ? [{ path: 'account', from: null, to: body.account }] : []),
      ],
    });
  });
}

/** @throws 400 at `new_owner` */
async function newOwner(
  work: Context & { db: Work },
  id: string,
  { before, shared }: { before: string; shared: boolean },
): Promise<Owner> {
  const owner = await readNewOwner(work, id);
  if (owner === null) throw badRequest({ new_owner: 'New owner was not found.' });
  if (owner === 'foreign') throw badRequest({ new_owner: 'You are not a member of this organization.' });
  if (shared) throw badRequest({ new_owner: 'Bucket is assigned to more than one Connector.' });
  // What the owner has already counts already.
  if (owner.id !== before) await requirePlace(work.db, owner);
  return owner;
}

/** The limit speaks at the field of this operation. */
async function requirePlace(db: Work, owner: Owner): Promise<void> {
  try {
    await checkLimit(db, owner);
  } catch (error) {
    const errors = error instanceof Refusal ? (error.body.errors as Record<string, string>) : {};
    if (errors.connector === undefined) throw error;
    throw badRequest({ new_owner: errors.connector });
  }
}

async function requireAccount(
  { db, services }: Context & { db: Work },
  account: number | null,
): Promise<void> {
  if (account !== null && !(await services.platform.accountExists(db, account))) {
    throw badRequest({ account: 'Account not found.' });
  }
}
