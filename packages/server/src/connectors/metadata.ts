import type { BodyOf, operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import { Refusal, refused } from '../errors.ts';
import { audit, type Change, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import { RawJson } from '../json.ts';
import type { ConnectorSubject } from './resolver.ts';

type Body = BodyOf<typeof operations.addMetadataToConnector>;

const nothingSaved = (): Refusal => new Refusal(404, { message: 'Connector does not have metadata saved.' });

/** `POST /metadata/connectors/{connectorUuid}` */
export function addMetadata(
  context: Context,
  { subject, body }: Input<typeof operations.addMetadataToConnector>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const columns = columnsOf(body);
    const added = await work.db
      .insertInto('connector_metadata')
      .values({ ...columns, connector_id: subject.id, id: newId(), last_updated_by: work.actor.id })
      .onConflict((conflict) => conflict.column('connector_id').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!added) throw refused('Connector already has metadata.');
    await record(work, 'add_metadata_to_connector', subject, changesBetween({}, columns));
    return metadataJson(work.db, subject.id);
  });
}

/** `PUT /metadata/connectors/{connectorUuid}`: replaces all five fields and counts as a review. */
export function updateMetadata(
  context: Context,
  { subject, body }: Input<typeof operations.updateMetadataForConnector>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await work.db
      .selectFrom('connector_metadata')
      .selectAll()
      .where('connector_id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw nothingSaved();
    const columns = columnsOf(body);
    await work.db
      .updateTable('connector_metadata')
      .set({
        ...columns,
        last_reviewed_at: sql<Date>`now()`,
        last_updated_by: work.actor.id,
        updated_at: sql<Date>`now()`,
      })
      .where('connector_id', '=', subject.id)
      .execute();
    await record(work, 'update_metadata_for_connector', subject, changesBetween({ ...row }, columns));
    return metadataJson(work.db, subject.id);
  });
}

/** `GET /metadata/connectors/{connectorUuid}` */
export const showMetadata = (
  { db }: Context,
  { subject }: Input<typeof operations.showMetadataForConnector>,
): Promise<RawJson> => metadataJson(db, subject.id);

const columnsOf = (body: Body) => ({
  channel_owner: body['channel-owner'],
  confidence: body.confidence ?? null,
  help_center: body['help-center'] ?? null,
  internal_documentation: body['internal-documentation'] ?? null,
  notes: body.notes || null,
});

const record = (
  work: Context & { db: Work },
  action: string,
  { id, name }: ConnectorSubject,
  changes: readonly Change[],
): Promise<void> =>
  audit(work, {
    action,
    entity: { type: 'connector-metadata', id, name },
    connector: id,
    changes: changes.map((change) => ({ ...change, path: change.path.replaceAll('_', '-') })),
  });

/** The representation 3.11. @throws 404 when nothing is saved */
async function metadataJson(db: Database, connectorId: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT json_build_object(
      'uuid', m.id, 'channel-owner', m.channel_owner, 'confidence', m.confidence, 'help-center', m.help_center,
      'internal-documentation', m.internal_documentation, 'notes', m.notes,
      'last-reviewed-at', wire_time(m.last_reviewed_at), 'last-updated-by', m.last_updated_by,
      'created-at', wire_time(m.created_at), 'updated-at', wire_time(m.updated_at),
      'connector', json_build_object('id', c.id, 'name', c.name, 'type', c.type))::text AS json
    FROM connector_metadata m JOIN connectors c ON c.id = m.connector_id
    WHERE m.connector_id = ${connectorId}`.execute(db);
  const json = rows[0]?.json;
  if (json === undefined) throw nothingSaved();
  return new RawJson(json);
}
