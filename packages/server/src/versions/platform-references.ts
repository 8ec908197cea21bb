import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** Does a version export to the channel, as it is configured or as it was deployed? */
export async function exportsToChannel(db: Database, channel: number): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM connector_versions v
    WHERE v.export_config IS NOT NULL AND ${channel}::integer IN (
      SELECT used.value::integer FROM (VALUES (v.export_config), (v.dev_config -> 'export'), (v.prod_config -> 'export'))
        AS configs (config), json_array_elements_text(configs.config -> 'channels') used)
    LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** Does a version stand in for the legacy executable, as it is configured or as it was deployed? */
export async function standsInForLegacy(db: Database, executable: number): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM connector_versions v
    WHERE ${executable}::integer IN (v.legacy_executable, v.dev_executable, v.prod_executable) LIMIT 1`.execute(
    db,
  );
  return rows.length > 0;
}

/** Is the site the dev site of a version, one in the bin included? */
export async function isDevSite(db: Database, site: number): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM connector_versions WHERE dev_site = ${site} LIMIT 1`.execute(db);
  return rows.length > 0;
}
