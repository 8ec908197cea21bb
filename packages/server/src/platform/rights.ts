import { type RawBuilder, sql } from 'kysely';
import { devSitesOf } from '../connectors/dev-sites.ts';
import type { Database } from '../database/database.ts';
import type { Right } from '../http/right.ts';
import type { Actor } from '../identity/actor.ts';

/** Where an entity stands; ids of what is above it, itself included. */
export interface Place {
  account: number;
  project?: number;
  site?: number;
}

const strength: readonly Right[] = ['none', 'read', 'write', 'admin'];

/**
 * The actor's right at a place: the strongest of their memberships there and above, and on a site what their connectors
 * give them on their dev sites. An admin may do everything (chapter 6).
 */
export async function rightAt(db: Database, actor: Actor, place: Place): Promise<Right> {
  if (actor.role === 'admin') return 'admin';
  const { account, project = null, site = null } = place;
  const byConnector =
    site === null
      ? sql`0`
      : sql`CASE WHEN EXISTS (${devSitesOf(actor, site)}) THEN ${actor.role === 'viewer' ? 1 : 2}::integer ELSE 0 END`;
  const { rows } = await sql<{ strength: number }>`
    SELECT greatest(${byConnector}, (
      SELECT max(CASE m."right" WHEN 'admin' THEN 3 WHEN 'write' THEN 2 ELSE 1 END) FROM memberships m
      WHERE m.user_id = ${actor.id} AND ((m.level = 'account' AND m.target = ${account})
        OR (m.level = 'project' AND m.target = ${project}::integer)
        OR (m.level = 'site' AND m.target = ${site}::integer)))) AS strength`.execute(db);
  return strength[rows[0]?.strength ?? 0] ?? 'none';
}

/** Membership targets of one level. */
const targets = (actor: Actor, level: 'account' | 'project' | 'site'): RawBuilder<unknown> =>
  sql`SELECT m.target FROM memberships m WHERE m.user_id = ${actor.id} AND m.level = ${level}`;

/** SQL condition: the account row under `a` is one the actor has a right on. */
export const seesAccount = (actor: Actor): RawBuilder<boolean> =>
  actor.role === 'admin' ? sql`true` : sql`a.id IN (${targets(actor, 'account')})`;

/** SQL condition for the project row under `p`. */
export const seesProject = (actor: Actor): RawBuilder<boolean> =>
  actor.role === 'admin'
    ? sql`true`
    : sql`(p.account_id IN (${targets(actor, 'account')}) OR p.id IN (${targets(actor, 'project')}))`;

/** SQL: ids of all sites on which somebody other than an admin has a right. */
const siteIds = (actor: Actor): RawBuilder<unknown> => sql`
  ${targets(actor, 'site')}
  UNION SELECT x.id FROM sites x WHERE x.project_id IN (${targets(actor, 'project')})
  UNION SELECT x.id FROM sites x JOIN projects y ON y.id = x.project_id
    WHERE y.account_id IN (${targets(actor, 'account')})
  UNION ${devSitesOf(actor)}`;

/** SQL condition for the site row under `s`. */
export const seesSite = (actor: Actor): RawBuilder<boolean> =>
  actor.role === 'admin' ? sql`true` : sql`s.id IN (${siteIds(actor)})`;

/** Has the actor a right on some project or site below the account or project? */
export async function seesBelow(
  db: Database,
  actor: Actor,
  place: { account: number } | { project: number },
): Promise<boolean> {
  const sites =
    'account' in place
      ? sql`s.project_id IN (SELECT q.id FROM projects q WHERE q.account_id = ${place.account})`
      : sql`s.project_id = ${place.project}`;
  const projects =
    'account' in place
      ? sql`OR EXISTS (SELECT 1 FROM projects p WHERE p.account_id = ${place.account} AND ${seesProject(actor)})`
      : sql``;
  const { rows } = await sql<{ sees: boolean }>`
    SELECT EXISTS (SELECT 1 FROM sites s WHERE ${sites} AND ${seesSite(actor)}) ${projects} AS sees`.execute(
    db,
  );
  return rows[0]?.sees ?? false;
}
