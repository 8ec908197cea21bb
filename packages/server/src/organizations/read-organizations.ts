import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { contains } from '../database/contains.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { organizationJson, organizationRepresentation } from './store.ts';

/** `GET /organizations`: one's own, an admin all. */
export function listOrganizations(
  { actor, db }: Context,
  { query, page }: Input<typeof operations.organizationList>,
): Promise<ListResult> {
  const visible = actor.role === 'admin' ? sql`true` : sql`o.id = ANY(${[...actor.organizations]}::uuid[])`;
  return readPage(db, page, {
    table: sql`organizations`,
    alias: 'o',
    where: query.name ? sql`${visible} AND ${contains('o.name', query.name)}` : visible,
    item: organizationRepresentation,
    order: newestFirst('o'),
  });
}

/** `GET /organizations/{organizationId}` */
export const showOrganization = (
  { db }: Context,
  { subject }: Input<typeof operations.organizationShow>,
): Promise<RawJson> => organizationJson(db, subject.id);
