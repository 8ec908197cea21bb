import { sql } from 'kysely';
import type { Context, Work } from '../context.ts';
import { badRequest } from '../errors.ts';

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
  const first = actor.organizations[0];
  if (given === undefined)
    return first ? { id: first, kind: 'organization' } : { id: actor.id, kind: 'user' };
  const id = given.toLowerCase();
  if (id === actor.id) return { id, kind: 'user' };
  if (actor.organizations.includes(id)) return { id, kind: 'organization' };
  const kind = actor.role === 'admin' ? await kindOf(context, id) : null;
  if (!kind) throw badRequest({ owner: 'You are not a member of this organization.' });
  return { id, kind };
}

async function kindOf({ db }: Context, id: string): Promise<Owner['kind'] | null> {
  const { rows } = await sql<{ kind: Owner['kind'] }>`
    SELECT 'organization' AS kind FROM organizations WHERE id = ${id}
    UNION ALL SELECT 'user' FROM users WHERE id = ${id}`.execute(db);
  return rows[0]?.kind ?? null;
}

/**
 * How many connectors the owner may have at most; null for a user, whom no limit binds. The organization's row stays
 * locked, so that two creations at once can not both take the last place.
 */
export async function lockConnectorsLimit(db: Work, owner: Owner): Promise<number | null> {
  if (owner.kind === 'user') return null;
  const row = await db
    .selectFrom('organizations')
    .select('connectors_limit')
    .where('id', '=', owner.id)
    .forUpdate()
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
