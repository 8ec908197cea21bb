import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';

/**
 * Locks all versions of the connectors, for whoever changes what sites use of them. Versions are locked before sites and
 * their parts, everywhere, so that nobody waits for each other; what is offered and what is used stay as they are read.
 */
export async function lockVersionsOf(db: Work, connectorIds: readonly string[]): Promise<void> {
  if (connectorIds.length === 0) return;
  await sql`
    SELECT 1 FROM connector_versions WHERE connector_id = ANY(${[...connectorIds]}::uuid[])
    ORDER BY connector_id, major FOR UPDATE`.execute(db);
}

/**
 * Brings `assigned-to-sites` (3.5) of the connector's versions up to date, in the transaction that changed what sites
 * use: all sites that use the version, but its own dev site.
 */
export async function recordSiteUses(
  { db, services }: Pick<Context, 'services'> & { db: Work },
  connectorId: string,
): Promise<void> {
  const used = await services.platform.sitesUsing(db, connectorId);
  const sites = JSON.stringify(Object.fromEntries(used));
  await sql`
    WITH wanted AS (
      SELECT v.id, coalesce(
        (SELECT array_agg(site ORDER BY site) FROM (
           SELECT u.value::integer AS site FROM json_array_elements_text(${sites}::json -> v.major::text) u) sites
         WHERE site IS DISTINCT FROM v.dev_site), '{}') AS sites
      FROM connector_versions v WHERE v.connector_id = ${connectorId})
    UPDATE connector_versions v SET assigned_to_sites = w.sites, updated_at = now()
    FROM wanted w WHERE w.id = v.id AND v.assigned_to_sites <> w.sites`.execute(db);
}
