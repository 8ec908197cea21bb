import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import { contains } from '../database/contains.ts';
import { type Counted, countKey } from '../http/list-counts.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { connectorRepresentation, visibleTo } from './store.ts';

/** `GET /connectors`: what the caller may see, never what lies in the bin. */
export function listConnectors(
  context: Context,
  { query, page }: Input<typeof operations.connectorList>,
): Promise<ListResult> {
  const { name, type, released } = query;
  const conditions = [sql`c.deleted_at IS NULL`, ...ownedAndNamed(context, query)];
  if (type !== undefined) conditions.push(sql`c.type = ${type}`);
  if (released !== undefined) conditions.push(sql`c.released = ${released}`);
  const owners = ownersAsked(context, query.owners);
  const scopes = owners === null ? ['all'] : owners.map((owner) => `owner=${owner}`);
  const keys = scopes.map((scope) => countKey(scope, { type, released }));
  return readList(context, page, conditions, name ? undefined : { list: 'connectors', keys });
}

/** Whose connectors match; null: everybody's. */
function ownersAsked({ actor }: Context, asked: string[] | undefined): string[] | null {
  if (actor.role === 'admin') return asked ? [...new Set(asked)] : null;
  const seen = new Set([actor.id, ...actor.organizations]);
  return asked ? [...new Set(asked)].filter((owner) => seen.has(owner)) : [...seen];
}

/** `GET /connectors/bin` */
export function listBin(
  context: Context,
  { query, page }: Input<typeof operations.connectorListFromBin>,
): Promise<ListResult> {
  return readList(context, page, [sql`c.deleted_at IS NOT NULL`, ...ownedAndNamed(context, query)]);
}

function ownedAndNamed(context: Context, query: { name?: string; owners?: string[] }): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [visibleTo(context)];
  if (query.name) conditions.push(contains('c.name', query.name));
  if (query.owners) conditions.push(sql`c.owner_id = ANY(${query.owners}::uuid[])`);
  return conditions;
}

const readList = (
  context: Context,
  page: Input<typeof operations.connectorList>['page'],
  conditions: RawBuilder<unknown>[],
  counted?: Counted,
): Promise<ListResult> =>
  readPage(context.db, page, {
    table: sql`connectors`,
    alias: 'c',
    where: sql.join(conditions, sql` AND `),
    item: connectorRepresentation(context.services.settings),
    order: newestFirst('c'),
    counted,
  });
