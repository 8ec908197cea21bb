import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Actor } from '../identity/actor.ts';

/**
 * SQL: ids of the dev sites of the connectors the actor owns, by themselves or through an organization. Whoever may
 * change a connector may write to its dev sites, whoever may see it read them (chapter 6). Connectors in the bin keep
 * their dev sites.
 *
 * @param site narrows the search to one site, so that it is found by its index
 */
export const devSitesOf = (actor: Actor, site: number | null = null): RawBuilder<unknown> => sql`
  SELECT v.dev_site FROM connector_versions v JOIN connectors c ON c.id = v.connector_id
  WHERE v.dev_site IS NOT NULL ${site === null ? sql`` : sql`AND v.dev_site = ${site}`}
    AND c.owner_id = ANY(${[actor.id, ...actor.organizations]}::uuid[])`;

/** Owners of the connectors whose dev site it is. */
export async function ownersOnDevSite(db: Database, site: number): Promise<string[]> {
  const { rows } = await sql<{ owner: string }>`
    SELECT DISTINCT c.owner_id AS owner FROM connector_versions v JOIN connectors c ON c.id = v.connector_id
    WHERE v.dev_site = ${site}`.execute(db);
  return rows.map(({ owner }) => owner);
}
