import { type RawBuilder, sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import { notFound } from '../errors.ts';
import type { Actor } from '../identity/actor.ts';
import { RawJson } from '../json.ts';

/** The organization as the API shows it (3.9), from the row of `organizations` under the alias `o`. */
export const organizationRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'uuid', o.id, 'name', o.name, 'connectors-limit', o.connectors_limit,
  'members', (SELECT coalesce(json_agg(json_build_object('uuid', m.user_id) ORDER BY m.place), '[]')
    FROM organization_members m WHERE m.organization_id = o.id),
  'notification-config', o.notification_config, 'dev-defaults', o.dev_defaults, 'prod-defaults', o.prod_defaults)`;

export async function organizationJson(db: Database, id: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${organizationRepresentation})::text AS json FROM organizations o WHERE o.id = ${id}`.execute(db);
  const json = rows[0]?.json;
  if (json === undefined) throw notFound('Organization');
  return new RawJson(json);
}

/** The organization's row, locked until the transaction ends. @throws 404 when it was deleted in between */
export const lockOrganization = (db: Work, id: string) =>
  db
    .selectFrom('organizations')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Organization'));

/** `[{"uuid","name"}]` of a user's organizations, the one joined first in front. */
export const organizationsOfUser = (userId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT coalesce(json_agg(json_build_object('uuid', mo.id, 'name', mo.name) ORDER BY mm.place), '[]')
   FROM organization_members mm JOIN organizations mo ON mo.id = mm.organization_id WHERE mm.user_id = ${userId})`;

/** Id of the organization a user joined first, or null. */
export const firstOrganizationOf = (userId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT mm.organization_id FROM organization_members mm WHERE mm.user_id = ${userId} ORDER BY mm.place LIMIT 1)`;

/** Ids of all members of the actor's organizations, as a subquery. */
export const fellowMembersOf = ({ organizations }: Actor): RawBuilder<unknown> => sql`
  (SELECT mm.user_id FROM organization_members mm WHERE mm.organization_id = ANY(${[...organizations]}::uuid[]))`;

/** Which of the ids belong to no organization. */
export async function missingOrganizations(db: Database, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    SELECT id::text FROM unnest(${[...ids]}::uuid[]) AS given (id)
    WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = given.id)`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** Makes a new user a member of organizations, the first of them first. */
export async function joinOrganizations(db: Work, userId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .insertInto('organization_members')
    .values(ids.map((id) => ({ organization_id: id, user_id: userId })))
    .execute();
}
