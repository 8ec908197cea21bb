import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import type { IndividualField } from './deployed.ts';
import { individualsJson } from './representation.ts';

/** The version's form as it is configured now. */
export async function formOf(db: Database, versionId: string): Promise<IndividualField[]> {
  const { rows } = await sql<{ fields: IndividualField[] }>`
    SELECT ${individualsJson} AS fields FROM connector_versions v WHERE v.id = ${versionId}`.execute(db);
  return rows[0]?.fields ?? [];
}

/** No version of the connector stands in for a legacy executable any longer. The versions are locked. */
export async function clearLegacyExecutables(db: Work, connectorId: string): Promise<void> {
  await sql`
    UPDATE connector_versions SET legacy_executable = NULL, dev_executable = NULL, prod_executable = NULL,
      updated_at = now()
    WHERE connector_id = ${connectorId}
      AND num_nonnulls(legacy_executable, dev_executable, prod_executable) > 0`.execute(db);
}
