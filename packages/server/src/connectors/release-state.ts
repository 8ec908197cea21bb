import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import { notFound } from '../errors.ts';

/** What decides about access to a connector's versions. */
export interface ConnectorState {
  flow: string;
  mainVersion: number | null;
}

const find = (db: Database, id: string) =>
  db
    .selectFrom('connectors')
    .select(['flow', 'main_version as mainVersion'])
    .where('id', '=', id)
    .where('deleted_at', 'is', null);

/** The connector as it is now, for reading. @throws 404 when it lies in the bin */
export async function connectorState(db: Database, id: string): Promise<ConnectorState> {
  const row = await find(db, id).executeTakeFirst();
  if (!row) throw notFound('Connector');
  return row;
}

/**
 * Locks the connector, for changes that concern all its versions: whoever also locks a version locks it afterwards.
 *
 * @throws 404 when it was moved to the bin since it was looked up
 */
export async function lockConnector(db: Work, id: string): Promise<ConnectorState> {
  const row = await find(db, id).forUpdate().executeTakeFirst();
  if (!row) throw notFound('Connector');
  return row;
}

/** @param major null: no main version */
export async function setMainVersion(db: Work, id: string, major: number | null): Promise<void> {
  await sql`UPDATE connectors SET main_version = ${major}, updated_at = now() WHERE id = ${id}`.execute(db);
}

/** The flow is fixed at creation; only the end of a migration changes it. */
export async function setFlow(db: Work, id: string, flow: 'default'): Promise<void> {
  await sql`UPDATE connectors SET flow = ${flow}, updated_at = now() WHERE id = ${id}`.execute(db);
}
