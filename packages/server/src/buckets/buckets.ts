import { type operations, texts } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { violates } from '../database/conflicts.ts';
import { contains } from '../database/contains.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { filesPage } from '../http/files-page.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import type { RawJson } from '../json.ts';
import { chooseOwner } from '../organizations/ownership.ts';
import { pathsBelow } from '../storage/files.ts';
import { isLinked } from '../versions/bucket-links.ts';
import { bucketFolder, removeBucketFiles } from './files.ts';
import { bucketJson, bucketRepresentation, seesBucket, withUsage } from './store.ts';

/** `GET /buckets` */
export async function listBuckets(
  context: Context,
  { query, page }: Input<typeof operations.bucketList>,
): Promise<ListResult> {
  const conditions: RawBuilder<unknown>[] = [seesBucket(context.actor)];
  if (query.name) conditions.push(contains('b.name', query.name));
  const list = await readPage(context.db, page, {
    table: sql`buckets`,
    alias: 'b',
    where: sql.join(conditions, sql` AND `),
    item: bucketRepresentation(),
    order: newestFirst('b'),
  });
  const items: string[] = [];
  for (const item of list.items) items.push(await withUsage(context, item));
  return { ...list, items };
}

/** `POST /buckets` */
export async function createBucket(
  context: Context,
  { body }: Input<typeof operations.bucketCreate>,
): Promise<RawJson> {
  try {
    return await inTransaction(context, async (work) => {
      const owner = await chooseOwner(work, body.owner);
      const id = newId();
      await work.db.insertInto('buckets').values({ id, name: body.name, owner_id: owner.id }).execute();
      await audit(work, {
        action: 'bucket_create',
        entity: { type: 'bucket', id, name: body.name },
        changes: [
          { path: 'name', from: null, to: body.name },
          { path: 'owner', from: null, to: owner.id },
        ],
      });
      return bucketJson(work, id);
    });
  } catch (error) {
    if (violates(error, 'buckets_owner_id_name_key')) throw badRequest({ name: texts.used });
    throw error;
  }
}

/** `GET /buckets/{bucketId}` */
export const showBucket = (
  context: Context,
  { subject }: Input<typeof operations.bucketShow>,
): Promise<RawJson> => bucketJson(context, subject.id);

/** `GET /buckets/{bucketId}/files`: by path, ascending. */
export async function listBucketFiles(
  { db, services }: Context,
  { subject, query, page }: Input<typeof operations.bucketFileList>,
): Promise<ListResult> {
  const root = await bucketFolder(services.storage, subject.id);
  return filesPage(db, root, pathsBelow(root, query.prefix ?? ''), page);
}

/** `DELETE /buckets/{bucketId}`: refused while a version is linked to it. */
export async function deleteBucket(
  context: Context,
  { subject }: Input<typeof operations.bucketDelete>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    // Whoever links it holds this row, or waits for it and finds it gone.
    const bucket = await work.db
      .selectFrom('buckets')
      .select('name')
      .where('id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    if (!bucket) throw notFound('Bucket');
    if (await isLinked(work.db, subject.id)) throw refused('Bucket is linked to a connector.');
    await work.db.deleteFrom('buckets').where('id', '=', subject.id).execute();
    await audit(work, {
      action: 'bucket_delete',
      entity: { type: 'bucket', id: subject.id, name: bucket.name },
      changes: [{ path: 'name', from: bucket.name, to: null }],
    });
  });
  // Behind the transaction: files of a bucket that is gone do no harm, a bucket without its files would.
  await removeBucketFiles(context.services.storage, subject.id);
}
