import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import type { Actor } from '../identity/actor.ts';
import { RawJson } from '../json.ts';
import { usageOf } from '../storage/files.ts';
import { bucketLinksJson } from '../versions/bucket-links.ts';
import { bucketFolder } from './files.ts';

/**
 * The bucket as the API shows it (3.12), from the row of `buckets` under the alias `b`; `files` and `size-bytes` are
 * filled in by {@link withUsage}.
 */
export const bucketRepresentation = (): RawBuilder<unknown> => sql`json_build_object(
  'id', b.id, 'name', b.name, 'owner', b.owner_id, 'files', 0, 'size-bytes', 0,
  'links', ${bucketLinksJson(sql.ref('b.id'))},
  'created-at', wire_time(b.created_at), 'updated-at', wire_time(b.updated_at))`;

/** Fills in what the storage knows of a bucket. */
export async function withUsage({ services }: Context, json: string): Promise<string> {
  const bucket = JSON.parse(json) as Record<string, unknown> & { id: string };
  const { files, sizeBytes } = await usageOf(await bucketFolder(services.storage, bucket.id));
  return JSON.stringify({ ...bucket, files, 'size-bytes': sizeBytes });
}

export async function bucketJson(context: Context, id: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${bucketRepresentation()})::text AS json FROM buckets b WHERE b.id = ${id}`.execute(context.db);
  const json = rows[0]?.json;
  if (json === undefined) throw new Error(`Bucket ${id} is gone.`);
  return new RawJson(await withUsage(context, json));
}

/** SQL condition: the bucket under `b` is the actor's own or of one of their organizations; an admin sees all. */
export const seesBucket = (actor: Actor): RawBuilder<boolean> =>
  actor.role === 'admin' ? sql`true` : sql`b.owner_id = ANY(${[actor.id, ...actor.organizations]}::uuid[])`;

/** Does the owner own any bucket? */
export async function ownsBuckets(db: Database, ownerId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT 1 FROM buckets WHERE owner_id = ${ownerId}) AS found`.execute(db);
  return rows[0]?.found ?? false;
}
