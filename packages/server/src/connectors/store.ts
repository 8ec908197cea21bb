import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import { notFound } from '../errors.ts';
import { RawJson } from '../json.ts';
import type { Settings } from '../settings.ts';
import { versionRepresentation } from '../versions/representation.ts';

/** The connector as the API shows it (3.1), from the row of `connectors` under the alias `c`. */
export const connectorRepresentation = ({ publicUrl }: Settings): RawBuilder<unknown> => {
  const version = versionRepresentation(publicUrl, sql`c.deleted_at`);
  return connectorObject(
    sql`(SELECT coalesce(json_agg(${version} ORDER BY v.major), '[]')
         FROM connector_versions v WHERE v.connector_id = c.id)`,
    sql`(SELECT ${version} FROM connector_versions v WHERE v.connector_id = c.id AND v.major = c.main_version)`,
  );
};

/** A connector that has just gone to the bin is shown without its versions (`connector_move_to_bin`). */
export const binnedRepresentation: RawBuilder<unknown> = connectorObject(sql`'[]'::json`, sql`NULL`);

function connectorObject(versions: RawBuilder<unknown>, main: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`json_build_object(
    'id', c.id, 'type', c.type, 'name', c.name, 'description', c.description, 'readme', c.readme, 'flow', c.flow,
    'main-version-number', c.main_version, 'owner', c.owner_id, 'integrator', c.owner_id,
    'versions', ${versions}, 'main', ${main})`;
}

export async function connectorJson(
  db: Database,
  id: string,
  representation: RawBuilder<unknown>,
): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${representation})::text AS json FROM connectors c WHERE c.id = ${id}`.execute(db);
  const json = rows[0]?.json;
  if (json === undefined) throw new Error(`Connector ${id} is gone.`);
  return new RawJson(json);
}

/** What the caller may see at all: an admin everything, others their own and their organizations' connectors. */
export const visibleTo = ({ actor }: Context): RawBuilder<boolean> =>
  actor.role === 'admin' ? sql`true` : sql`c.owner_id = ANY(${[actor.id, ...actor.organizations]}::uuid[])`;

/** How many connectors of the owner count towards its limit. */
export async function countOwned(db: Database, ownerId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM connectors WHERE owner_id = ${ownerId} AND deleted_at IS NULL`.execute(db);
  return rows[0]?.count ?? 0;
}

/** Does the owner own any connector, one in the bin included? */
export async function ownsConnectors(db: Database, ownerId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT 1 FROM connectors WHERE owner_id = ${ownerId} AND deleted_at IS NULL)
      OR EXISTS (SELECT 1 FROM connectors WHERE owner_id = ${ownerId} AND deleted_at IS NOT NULL) AS found`.execute(
    db,
  );
  return rows[0]?.found ?? false;
}

/**
 * The connector's row, locked until the transaction ends: who changes the set of its versions comes one after the other.
 *
 * @throws 404 when it was deleted since it was looked up
 */
export const lockConnector = (db: Work, id: string) =>
  db
    .selectFrom('connectors')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Connector'));

/** Takes the next major number of a connector; a number is never given out twice, whatever becomes of its version. */
export async function nextMajor(db: Work, id: string): Promise<number> {
  const row = await db
    .updateTable('connectors')
    .set({ last_major: sql<number>`last_major + 1` })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('last_major')
    .executeTakeFirstOrThrow(() => notFound('Connector'));
  return row.last_major;
}

/** Gives everything one user owns to another, what lies in the bin included. */
export async function giveConnectors(db: Work, from: string, to: string): Promise<void> {
  for (const binned of [sql<boolean>`deleted_at IS NULL`, sql<boolean>`deleted_at IS NOT NULL`]) {
    await db
      .updateTable('connectors')
      .set({ owner_id: to, updated_at: sql<Date>`now()` })
      .where('owner_id', '=', from)
      .where(binned)
      .execute();
  }
}
