import type { Page } from '@slipway/contract';
import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { ListResult } from '../http/list-result.ts';
import { type Order, readPage } from '../http/paging.ts';

/** Sites that use a connector, ascending, by major number. */
export async function sitesUsing(db: Database, connectorId: string): Promise<Map<number, number[]>> {
  const { rows } = await sql<{ major: number; sites: number[] }>`
    SELECT major, array_agg(DISTINCT site_id ORDER BY site_id) AS sites
    FROM connector_uses WHERE connector_id = ${connectorId} GROUP BY major`.execute(db);
  return new Map(rows.map(({ major, sites }) => [major, sites]));
}

/** Connectors that something on the site runs. */
export async function connectorsOnSite(db: Database, site: number): Promise<string[]> {
  const { rows } = await sql<{ connector_id: string }>`
    SELECT DISTINCT connector_id FROM connector_uses WHERE site_id = ${site} ORDER BY connector_id`.execute(
    db,
  );
  return rows.map((row) => row.connector_id);
}

/** Runs whose rows sources go on contributing while they are paused, fail, or are merged anew. */
export async function runsInUse(db: Database): Promise<string[]> {
  const { rows } = await sql<{ run: string }>`
    SELECT last_run AS run FROM data_sources WHERE last_run IS NOT NULL`.execute(db);
  return rows.map(({ run }) => run);
}

const order: Order = {
  columns: [
    { name: sql.ref('u.site_id'), type: 'integer' },
    { name: sql.ref('u.kind'), type: 'text' },
    { name: sql.ref('u.entry'), type: 'integer' },
  ],
  direction: 'ASC',
};

/** Where sites use the version, one item for each part of a site. */
export const listUses = (
  db: Database,
  page: Page,
  { connectorId, major, devSite }: { connectorId: string; major: number; devSite: number | null },
): Promise<ListResult> =>
  readPage(db, page, {
    table: sql`connector_uses`,
    alias: 'u',
    where: sql`u.connector_id = ${connectorId} AND u.major = ${major}`,
    item: sql`(SELECT json_build_object('id', s.id, 'name', s.name, 'project-id', s.project_id, 'account-id', p.account_id,
      'environment', CASE WHEN s.id = ${devSite}::integer THEN 'dev' ELSE 'prod' END, 'kind', u.kind, 'entry', u.entry)
      FROM sites s JOIN projects p ON p.id = s.project_id WHERE s.id = u.site_id)`,
    order,
  });
