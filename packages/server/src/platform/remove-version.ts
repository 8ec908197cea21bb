import { sql } from 'kysely';
import type { Work } from '../database/database.ts';
import type { Vault } from '../secrets/vault.ts';

/**
 * Takes a deleted version off the platform. It is in use on its dev site only (3.5): the source that is the connector
 * goes, a chain keeps its other half, and one that is left without any goes too.
 */
export async function removeVersion(
  { db, vault }: { db: Work; vault: Vault },
  { versionId, connectorId, major }: { versionId: string; connectorId: string; major: number },
): Promise<void> {
  await removeValues({ db, vault }, connectorId, major);
  await sql`
    DELETE FROM data_sources
    WHERE (connector_id = ${connectorId} AND connector_major = ${major} AND transform_id IS NULL)
      OR (transform_id = ${connectorId} AND transform_major = ${major} AND connector_id IS NULL)`.execute(db);
  await sql`
    UPDATE data_sources SET connector_id = NULL, connector_major = NULL, updated_at = now()
    WHERE connector_id = ${connectorId} AND connector_major = ${major}`.execute(db);
  await sql`
    UPDATE data_sources SET transform_id = NULL, transform_major = NULL, updated_at = now()
    WHERE transform_id = ${connectorId} AND transform_major = ${major}`.execute(db);
  await db.deleteFrom('platform_connectors').where('version_id', '=', versionId).execute();
}

/** Form values in the form of this version, wherever they are kept, with what lies sealed in the vault. */
async function removeValues(
  { db, vault }: { db: Work; vault: Vault },
  connectorId: string,
  major: number,
): Promise<void> {
  const removed = await db
    .deleteFrom('form_values')
    .where('connector_id', '=', connectorId)
    .where('major', '=', major)
    .returning('sealed')
    .execute();
  await vault.remove(db, ...removed.map(({ sealed }) => sealed).filter((id) => id !== null));
}
