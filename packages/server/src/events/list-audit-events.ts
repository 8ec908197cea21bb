import type { Readable } from 'node:stream';
import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { ListResult } from '../http/list-result.ts';
import { type Listing, newestFirst, readLines, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';

type AuditInput = Input<typeof operations.auditEventList>;

/** The event as the API shows it (3.18), from the row of `audit_events` under the alias `e`. */
const auditEventRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'id', e.id, 'time', wire_time(e.time),
  'actor', json_build_object('uuid', e.actor_id, 'name', e.actor_name, 'kind', e.actor_kind),
  'action', e.action,
  'entity', json_build_object('type', e.entity_type, 'id', e.entity_id, 'name', e.entity_name),
  'connector', e.connector_id, 'changes', e.changes, 'request-id', e.request_id, 'ip', e.ip)`;

/** `GET /audit-events`, newest first. */
export const listAuditEvents = ({ db }: Context, { query, page }: AuditInput): Promise<ListResult> =>
  readPage(db, page, listingOf(query));

/** The same as newline-delimited JSON: all that match, unless a limit was sent. */
export const streamAuditEvents = async (
  { db }: Context,
  { query, page }: AuditInput,
): Promise<{ stream: Readable }> => ({ stream: readLines(db, page, listingOf(query)) });

function listingOf(query: AuditInput['query']): Listing {
  const conditions: RawBuilder<unknown>[] = [sql`true`];
  const equals = (column: string, value: string | undefined): void => {
    if (value !== undefined) conditions.push(sql`${sql.ref(column)} = ${value}`);
  };
  equals('e.actor_id', query.actor);
  equals('e.connector_id', query.connector);
  equals('e.action', query.action);
  equals('e.entity_type', query['entity-type']);
  equals('e.entity_id', query['entity-id']);
  if (query.since) conditions.push(sql`e.time >= ${query.since}::timestamptz`);
  if (query.until) conditions.push(sql`e.time < ${query.until}::timestamptz`);
  return {
    table: sql`audit_events`,
    alias: 'e',
    where: sql.join(conditions, sql` AND `),
    item: auditEventRepresentation,
    order: newestFirst('e', 'time'),
  };
}
