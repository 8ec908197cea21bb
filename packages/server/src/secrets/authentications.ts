import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { RawJson } from '../json.ts';

/** The kind of provider as the API shows it (3.14), from the row of `authentications` under the alias `a`. */
export const authenticationRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'id', a.id, 'name', a.name, 'kind', a.kind, 'fields', a.fields,
  'oauth2', CASE WHEN a.oauth2 IS NULL THEN NULL ELSE json_build_object(
    'authorization-url', a.oauth2->'authorization-url', 'token-url', a.oauth2->'token-url',
    'scopes', a.oauth2->'scopes', 'client-id', a.oauth2->'client-id', 'client-secret', '***') END,
  'created-at', wire_time(a.created_at), 'updated-at', wire_time(a.updated_at))`;

export async function authenticationJson(db: Database, id: number): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${authenticationRepresentation})::text AS json FROM authentications a WHERE a.id = ${id}`.execute(
    db,
  );
  return new RawJson((rows[0] as { json: string }).json);
}

/** Which of the ids are no authentication's, in their order. The others can not be deleted until the transaction ends. */
export async function missingAuthentications(db: Database, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  // As bigint: a number too great for an id is a missing one, not an error.
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM authentications WHERE id = ANY(${[...ids]}::bigint[]) FOR KEY SHARE`.execute(db);
  const found = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !found.has(id));
}

/** Names of the fields of each authentication, without prefix, in their order: id → names. */
export async function authenticationFields(
  db: Database,
  ids: readonly number[],
): Promise<Map<number, string[]>> {
  const { rows } = await sql<{ id: number; names: string[] }>`
    SELECT a.id, array(SELECT f->>'name' FROM json_array_elements(a.fields) WITH ORDINALITY AS l (f, place)
      ORDER BY l.place) AS names
    FROM authentications a WHERE a.id = ANY(${[...ids]}::bigint[])`.execute(db);
  return new Map(rows.map(({ id, names }) => [id, names]));
}
