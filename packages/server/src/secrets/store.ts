import { type RawBuilder, sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import type { Actor } from '../identity/actor.ts';
import { RawJson } from '../json.ts';

/** Names of a secret's fields in stored order. */
export const fieldNames = (secretId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT coalesce(json_agg(f.name ORDER BY f.place), '[]') FROM secret_fields f WHERE f.secret_id = ${secretId})`;

/** The secret as the API shows it (3.13), from the row of `secrets` under the alias `s`. Never a value. */
export const secretRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'path', s.path, 'ini_header', s.ini_header, 'fields', ${fieldNames(sql.ref('s.id'))}, 'owner', s.owner_id,
  'registrations', (SELECT count(DISTINCT r.version_id) FROM version_secrets r WHERE r.secret_id = s.id),
  'last-updated-by', s.last_updated_by, 'created-at', wire_time(s.created_at), 'updated-at', wire_time(s.updated_at))`;

export async function secretJson(db: Database, id: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${secretRepresentation})::text AS json FROM secrets s WHERE s.id = ${id}`.execute(db);
  return new RawJson((rows[0] as { json: string }).json);
}

/** What an actor may use (5.14): their own secrets, those of their organizations, and shared ones. */
export const usableBy = ({ id, organizations }: Actor): RawBuilder<boolean> =>
  ownedOrShared([id, ...organizations]);

/** Secrets of one of the owners, or shared ones. */
export const ownedOrShared = (owners: readonly string[]): RawBuilder<boolean> => sql`
  (s.owner_id IS NULL OR s.owner_id = ANY(${[...owners]}::uuid[]))`;

/** Does the owner own any secret? */
export async function ownsSecrets(db: Database, ownerId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT 1 FROM secrets WHERE owner_id = ${ownerId}) AS found`.execute(db);
  return rows[0]?.found ?? false;
}

/** Gives everything one owner has to another; paths are unique on the server, so none gets in the way. */
export async function giveSecrets(db: Work, from: string, to: string): Promise<void> {
  await db
    .updateTable('secrets')
    .set({ owner_id: to, updated_at: sql<Date>`now()` })
    .where('owner_id', '=', from)
    .execute();
}
