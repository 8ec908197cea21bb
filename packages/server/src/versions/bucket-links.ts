import { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { keepBucketOf } from '../buckets/keep-bucket.ts';
import { connectorOwner } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import type { Input } from '../http/route.ts';
import { changeConfiguration } from './change-configuration.ts';

/** `POST …/buckets`: one bucket of the connector's owner for each environment. */
export const createBucketLink = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorBucketCreateLink>,
): Promise<void> =>
  changeConfiguration(context, operations.connectorBucketCreateLink, subject, async ({ db }) => {
    const { 'bucket-id': id, environment, type } = body;
    const bucketId = id.toLowerCase();
    // Asked again behind the lock: the connector may have been given away since it was looked up.
    const owner = await connectorOwner(db, subject.connectorId);
    if (owner === null || !(await keepBucketOf(db, bucketId, owner))) throw notFound('Bucket');
    const added = await db
      .insertInto('version_buckets')
      .values({ version_id: subject.id, environment, bucket_id: bucketId, type })
      .onConflict((conflict) => conflict.columns(['version_id', 'environment']).doNothing())
      .returning('bucket_id')
      .executeTakeFirst();
    if (!added) throw badRequest({ environment: 'A bucket is already linked for this environment.' });
    return { changes: [{ path: `buckets[${environment}]`, from: null, to: bucketId }] };
  });

/** `DELETE …/buckets/{bucketId}/{environment}`: the bucket and its files stay. */
export const removeBucketLink = (
  context: Context,
  { subject, params: { bucketId, environment } }: Input<typeof operations.connectorBucketRemoveLink>,
): Promise<void> =>
  changeConfiguration(context, operations.connectorBucketRemoveLink, subject, async ({ db }) => {
    const removed = await db
      .deleteFrom('version_buckets')
      .where('version_id', '=', subject.id)
      .where('environment', '=', environment)
      .where('bucket_id', '=', bucketId)
      .returning('bucket_id')
      .executeTakeFirst();
    if (!removed) throw notFound('Bucket');
    return { changes: [{ path: `buckets[${environment}]`, from: bucketId, to: null }] };
  });

/** Where a bucket is linked, as the API shows it (3.12); links of connectors in the bin count. */
export const bucketLinksJson = (bucketId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT coalesce(json_agg(json_build_object(
     'connector', v.connector_id, 'version', v.major, 'type', l.type, 'environment', l.environment
   ) ORDER BY v.connector_id, v.major, l.environment), '[]')
   FROM version_buckets l JOIN connector_versions v ON v.id = l.version_id WHERE l.bucket_id = ${bucketId})`;

/** Is any version linked to the bucket? */
export async function isLinked(db: Database, bucketId: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM version_buckets WHERE bucket_id = ${bucketId} LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** The buckets a connector's versions are linked to; `shared`: another connector is linked to it too. */
export async function linkedBuckets(
  db: Database,
  connectorId: string,
): Promise<{ id: string; shared: boolean }[]> {
  const { rows } = await sql<{ id: string; shared: boolean }>`
    SELECT own.id, EXISTS (
      SELECT 1 FROM version_buckets o JOIN connector_versions w ON w.id = o.version_id
      WHERE o.bucket_id = own.id AND w.connector_id <> ${connectorId}) AS shared
    FROM (SELECT DISTINCT l.bucket_id AS id FROM version_buckets l
      JOIN connector_versions v ON v.id = l.version_id WHERE v.connector_id = ${connectorId}) own`.execute(
    db,
  );
  return rows;
}
