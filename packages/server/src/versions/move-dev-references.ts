import { sql } from 'kysely';
import type { Work } from '../database/database.ts';

/** Gives all versions of a connector a new dev account; project, site and what was assigned there are left behind. */
export async function moveDevReferences(db: Work, connectorId: string, account: number): Promise<void> {
  await db
    .updateTable('connector_versions')
    .set({
      dev_account: account,
      dev_project: null,
      dev_site: null,
      dev_assigned_to_site: null,
      dev_assigned_to_channel: null,
      dev_assigned_to_channel_site: null,
      dev_assigned_to_channel_site_destination: null,
      updated_at: sql<Date>`now()`,
    })
    .where('connector_id', '=', connectorId)
    .execute();
}
