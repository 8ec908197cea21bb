import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import type { Actor } from '../identity/actor.ts';
import { fellowMembersOf } from './store.ts';

/** Who a new thing belongs to. */
export interface Owner {
  id: string;
  kind: 'organization' | 'user';
}

/**
 * The owner a caller names, or by default the organization they joined first, else themselves (`connector_create`).
 *
 * @throws 400 `{"owner":…}` when they may not give things to that owner
 */
export async function chooseOwner(context: Context, given: string | undefined): Promise<Owner> {
  const { actor } = context;
  const owner = given === undefined ? defaultOwner(actor) : await namedOwner(context, given.toLowerCase());
  if (!owner || (owner.kind === 'organization' && !(await keepOrganization(context.db, owner.id)))) {
    throw badRequest({ owner: notMember });
  }
  return owner;
}

const notMember = 'You are not a member of this organization.';

function defaultOwner({ id, organizations: [first] }: Actor): Owner {
  return first ? { id: first, kind: 'organization' } : { id, kind: 'user' };
}

async function namedOwner({ actor, db }: Context, id: string): Promise<Owner | null> {
  if (id === actor.id) return { id, kind: 'user' };
  if (actor.organizations.includes(id)) return { id, kind: 'organization' };
  if (actor.role !== 'admin') return null;
  const { rows } = await sql<{ kind: Owner['kind'] }>`
    SELECT 'organization' AS kind FROM organizations WHERE id = ${id}
    UNION ALL SELECT 'user' FROM users WHERE id = ${id}`.execute(db);
  return rows[0] ? { id, kind: rows[0].kind } : null;
}

/** Keeps the organization from being deleted until the transaction ends; false when it is gone. */
async function keepOrganization(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM organizations WHERE id = ${id} FOR KEY SHARE`.execute(db);
  return rows.length > 0;
}

/**
 * How many connectors the owner may have at most; null for a user, whom no limit binds. The organization's row stays
 * locked, so that two creations at once can not both take the last place.
 */
export async function lockConnectorsLimit(db: Work, owner: Owner): Promise<number | null> {
  if (owner.kind === 'user') return null;
  // Weaker than FOR UPDATE: several who keep the organization from being deleted may wait here for each other.
  const row = await db
    .selectFrom('organizations')
    .select('connectors_limit')
    .where('id', '=', owner.id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row?.connectors_limit ?? null;
}

/** Where versions go by default (3.10): of the acting user, else of the owner organization. */
export interface Defaults {
  dev: { account: number; project: number | null } | null;
  prod: { accounts: number[]; projects: number[]; sites: number[] } | null;
}

/** The defaults a new version starts with. */
export async function defaultsFor(context: Context, owner: Owner): Promise<Defaults> {
  const { rows } = await sql<Defaults>`
    SELECT coalesce(u.dev_defaults, o.dev_defaults) AS dev, coalesce(u.prod_defaults, o.prod_defaults) AS prod
    FROM (SELECT ${context.actor.id}::uuid AS user_id, ${owner.id}::uuid AS owner_id) k
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN organizations o ON o.id = k.owner_id`.execute(context.db);
  return rows[0] ?? { dev: null, prod: null };
}

/**
 * Whom somebody may give what they own: an organization of theirs, or a fellow member of one; an admin everybody.
 *
 * @returns null when there is no such organization or user, `foreign` when it is not theirs to choose
 */
export async function readNewOwner({ actor, db }: Context, id: string): Promise<Owner | null | 'foreign'> {
  const { rows } = await sql<{ kind: Owner['kind']; mine: boolean }>`
    SELECT 'organization' AS kind, id = ANY(${[...actor.organizations]}::uuid[]) AS mine
    FROM organizations WHERE id = ${id} FOR KEY SHARE`.execute(db);
  const users = await sql<{ kind: Owner['kind']; mine: boolean }>`
    SELECT 'user' AS kind, id = ${actor.id} OR id IN ${fellowMembersOf(actor)} AS mine
    FROM users WHERE id = ${id} FOR KEY SHARE`.execute(db);
  const found = rows[0] ?? users.rows[0];
  if (!found) return null;
  return found.mine || actor.role === 'admin' ? { id, kind: found.kind } : 'foreign';
}

/** Gives the memberships of one user to another, in the order they were joined. */
export async function moveOrganizations(db: Work, from: string, to: string): Promise<void> {
  await sql`
    INSERT INTO organization_members (organization_id, user_id)
    SELECT organization_id, ${to}::uuid FROM organization_members WHERE user_id = ${from} ORDER BY place
    ON CONFLICT DO NOTHING`.execute(db);
  await db.deleteFrom('organization_members').where('user_id', '=', from).execute();
}
