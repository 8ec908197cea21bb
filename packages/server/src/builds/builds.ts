import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { connectorIdsSeenBy } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import { logList, logStream } from '../events/log-reader.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { StreamVerb, Verb } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { cancelAction } from '../operations/cancel.ts';
import { buildJson, buildRepresentation, buildStatus } from './store.ts';

type Operations = typeof operations;

/** `GET /builds`: what the caller triggered, or what belongs to a connector they may see. */
export const listBuilds: Verb<Operations['buildList']> = async (context, { query, page }) => {
  const conditions = [await visible(context)];
  const version = query['connector-version'];
  if (query['connector-id'] !== undefined) conditions.push(sql`b.connector_id = ${query['connector-id']}`);
  if (version !== undefined) conditions.push(ofVersion(version));
  if (query.status !== undefined) conditions.push(sql`b.status = ${query.status}`);
  return readPage(context.db, page, {
    table: sql`builds`,
    alias: 'b',
    where: sql.join(conditions, sql` AND `),
    item: buildRepresentation,
    order: newestFirst('b'),
  });
};

async function visible({ db, actor }: Context): Promise<RawBuilder<boolean>> {
  if (actor.role === 'admin') return sql`true`;
  const seen = await connectorIdsSeenBy(db, actor);
  return sql`(b.triggered_by = ${actor.id} OR b.connector_id = ANY(${seen}::uuid[]))`;
}

/** `2` or `2.0.1` */
const ofVersion = (version: string): RawBuilder<boolean> =>
  version.includes('.') ? sql`b.version = ${version}` : sql`b.major = ${Number(version)}`;

/** `GET /builds/{buildId}` */
export const showBuild: Verb<Operations['buildShow']> = async (context, { subject }) => {
  const json = await buildJson(context.db, subject.id);
  if (json === null) throw notFound('Build');
  return new RawJson(json);
};

/** `GET /builds/{buildId}/logs` */
export const listBuildLogs: Verb<Operations['buildLogs']> = (context, { subject, query, page }) =>
  logList(context, subject.id, query, page);

export const streamBuildLogs: StreamVerb<Operations['buildLogs']> = (
  context,
  { subject, query, page, lastEventId },
  type,
) =>
  logStream(context, subject.id, type, {
    query,
    page,
    lastEventId,
    settled: async () => {
      const status = await buildStatus(context.db, subject.id);
      return status === 'queued' || status === 'running' ? null : (status ?? 'failed');
    },
  });

/** `DELETE /builds/{buildId}` */
export const cancelBuild: Verb<Operations['buildCancel']> = (context, { subject }) =>
  cancelAction(context, { id: subject.id, name: 'build' }, { operation: 'build_cancel', resource: 'build' });
