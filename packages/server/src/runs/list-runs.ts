import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { connectorIdsSeenBy } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import { type Counted, countKey } from '../http/list-counts.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input, Verb } from '../http/route.ts';
import { runJson, statisticsJson } from './store.ts';

type Operations = typeof operations;

export const runList: Verb<Operations['runList']> = (context, input) => list(context, input, runJson);

/** The statistics of the runs of `run_list`: its queries, its order. */
export const runStatsList: Verb<Operations['runStatsList']> = (context, input) =>
  list(context, input, statisticsJson);

async function list(
  context: Context,
  { query, page }: Pick<Input<Operations['runList']>, 'query' | 'page'>,
  item: RawBuilder<unknown>,
): Promise<ListResult> {
  const seen = await connectorsSeen(context);
  const conditions = [visible(seen)];
  if (query.id !== undefined) conditions.push(sql`r.id = ${query.id}`);
  if (query['connector-id'] !== undefined) conditions.push(sql`r.connector_id = ${query['connector-id']}`);
  if (query['process-id'] !== undefined) conditions.push(sql`r.process_id = ${query['process-id']}`);
  if (query['site-id'] !== undefined) conditions.push(sql`r.site_id = ${query['site-id']}`);
  if (query.state !== undefined) conditions.push(sql`r.state = ${query.state}`);
  if (query['connector-version'] !== undefined) conditions.push(ofVersion(query['connector-version']));
  return readPage(context.db, page, {
    table: sql`runs`,
    alias: 'r',
    where: sql.join(conditions, sql` AND `),
    item,
    order: newestFirst('r'),
    counted: counted(seen, query),
  });
}

/** Ids of the connectors whose runs the caller may see; null: all. */
const connectorsSeen = async ({ db, actor }: Context): Promise<string[] | null> =>
  actor.role === 'admin' ? null : connectorIdsSeenBy(db, actor);

/**
 * The ids go into the query as values, not as a subquery: the planner then knows how many runs to expect and picks the
 * index by connector or the one by time.
 */
function visible(seen: readonly string[] | null): RawBuilder<boolean> {
  if (seen === null) return sql`true`;
  // One value gives rows in order out of the index by connector; a list never does.
  return seen.length === 1
    ? sql`r.connector_id = ${seen[0]}`
    : sql`r.connector_id = ANY(${[...seen]}::uuid[])`;
}

/** Counts are kept by connector or by site, and by state; anything finer has few enough rows to be counted. */
function counted(
  seen: readonly string[] | null,
  query: Input<Operations['runList']>['query'],
): Counted | undefined {
  const { id, state, 'connector-id': connector, 'process-id': process, 'site-id': site } = query;
  if (id ?? process ?? query['connector-version']) return undefined;
  if (site !== undefined) {
    if (seen !== null || connector !== undefined) return undefined;
    return { list: 'runs', keys: [countKey(`site=${site}`, { state })] };
  }
  const connectors = connector === undefined ? seen : seen?.includes(connector) === false ? [] : [connector];
  const scopes = connectors === null ? ['all'] : connectors.map((one) => `connector=${one}`);
  return { list: 'runs', keys: scopes.map((scope) => countKey(scope, { state })) };
}

/** `2` or `2.0.1`; the major number alone finds either by its index. */
function ofVersion(version: string): RawBuilder<boolean> {
  const major = Number.parseInt(version, 10);
  return version.includes('.')
    ? sql`(r.major = ${major} AND r.connector_version = ${version})`
    : sql`r.major = ${major}`;
}
