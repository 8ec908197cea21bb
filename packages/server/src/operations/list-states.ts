import { backgroundActions, type operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { connectorIdsSeenBy } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import { notFound, Refusal, refused } from '../errors.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input, Verb } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { readState, stateRepresentation } from './store.ts';

type Operations = typeof operations;

/** `GET /states`: what the caller started, or what belongs to a connector they may see. */
export const listStates: Verb<Operations['stateList']> = async (context, { query, page }) => {
  const conditions = [await visible(context)];
  if (query.triggered_by !== undefined) conditions.push(sql`s.owner_id = ${query.triggered_by}`);
  if (query.status !== undefined) conditions.push(sql`s.status = ${query.status}`);
  return read(context, page, sql.join(conditions, sql` AND `));
};

/** `GET …/versions/{connectorVersion}/states` */
export const listVersionStates: Verb<Operations['connectorStateList']> = (context, { subject, page }) =>
  read(context, page, sql`s.version_id = ${subject.id}`);

const read = (
  context: Context,
  page: Input<Operations['stateList']>['page'],
  where: RawBuilder<unknown>,
): Promise<ListResult> =>
  readPage(context.db, page, {
    table: sql`states`,
    alias: 's',
    where,
    item: stateRepresentation,
    order: newestFirst('s'),
  });

async function visible({ db, actor }: Context): Promise<RawBuilder<boolean>> {
  if (actor.role === 'admin') return sql`true`;
  const seen = await connectorIdsSeenBy(db, actor);
  return sql`(s.owner_id = ${actor.id} OR s.connector_id = ANY(${seen}::uuid[]))`;
}

/** `GET /states/{stateId}` */
export const showState: Verb<Operations['stateShow']> = async (context, { subject }) => {
  const state = await readState(context.db, subject.id);
  if (!state) throw notFound('State');
  return new RawJson(state.json);
};

/** `GET …/states/{backgroundAction}`: the newest state of that action. */
export const showLatestState: Verb<Operations['connectorVersionShowLatestState']> = async (
  context,
  { subject, params },
) => {
  if (!(backgroundActions as readonly string[]).includes(params.backgroundAction)) {
    throw refused('This background action does not exist.');
  }
  const { rows } = await sql<{ json: string }>`
    SELECT (${stateRepresentation})::text AS json FROM states s
    WHERE s.version_id = ${subject.id} AND s.name = ${params.backgroundAction}
    ORDER BY s.created_at DESC, s.id DESC LIMIT 1`.execute(context.db);
  const row = rows[0];
  if (!row) throw new Refusal(404, { message: 'Last state was not found based on query parameters.' });
  return new RawJson(row.json);
};
