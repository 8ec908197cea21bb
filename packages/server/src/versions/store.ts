import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import { RawJson } from '../json.ts';
import type { Settings } from '../settings.ts';
import { versionRepresentation } from './representation.ts';

/** The whole version as the API shows it. */
export async function versionJson(db: Database, settings: Settings, versionId: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${versionRepresentation(settings.publicUrl, sql`c.deleted_at`)})::text AS json
    FROM connector_versions v JOIN connectors c ON c.id = v.connector_id WHERE v.id = ${versionId}`.execute(
    db,
  );
  const json = rows[0]?.json;
  if (json === undefined) throw new Error(`Version ${versionId} is gone.`);
  return new RawJson(json);
}

/** The version's row, for reading. */
export const readVersion = (db: Database, versionId: string) =>
  db
    .selectFrom('connector_versions')
    .selectAll()
    .where('id', '=', versionId)
    .executeTakeFirstOrThrow(() => new Error(`Version ${versionId} is gone.`));

/** The version's row, locked until the transaction ends: two writers at once never lose an update. */
export const lockVersion = (db: Work, versionId: string) =>
  db
    .selectFrom('connector_versions')
    .selectAll()
    .where('id', '=', versionId)
    .forUpdate()
    .executeTakeFirstOrThrow(() => new Error(`Version ${versionId} is gone.`));

export type VersionRow = Awaited<ReturnType<typeof lockVersion>>;

/** All versions of a connector in order, locked like {@link lockVersion}. */
export const lockVersions = (db: Work, connectorId: string): Promise<VersionRow[]> =>
  db
    .selectFrom('connector_versions')
    .selectAll()
    .where('connector_id', '=', connectorId)
    .orderBy('major')
    .forUpdate()
    .execute();

/** The version with the highest number, locked. */
export const lockNewest = (db: Work, connectorId: string): Promise<VersionRow> =>
  db
    .selectFrom('connector_versions')
    .selectAll()
    .where('connector_id', '=', connectorId)
    .orderBy('major', 'desc')
    .limit(1)
    .forUpdate()
    .executeTakeFirstOrThrow(() => new Error(`Connector ${connectorId} has no version.`));
