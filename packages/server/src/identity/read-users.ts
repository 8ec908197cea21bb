import { type operations, scopes } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import { contains } from '../database/contains.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { fellowMembersOf } from '../organizations/store.ts';
import { userJson, userRepresentation } from './users.ts';

/** `GET /users`: an admin sees all, others themselves and fellow members. */
export function listUsers(
  { actor, db }: Context,
  { query, page }: Input<typeof operations.userList>,
): Promise<ListResult> {
  const conditions: RawBuilder<unknown>[] = [
    actor.role === 'admin' ? sql`true` : sql`(u.id = ${actor.id} OR u.id IN ${fellowMembersOf(actor)})`,
  ];
  if (query.name) {
    conditions.push(sql`(${contains('u.name', query.name)} OR ${contains('u.email', query.name)})`);
  }
  if (query.role) conditions.push(sql`u.role = ${query.role}`);
  if (query.status) conditions.push(sql`u.status = ${query.status}`);
  return readPage(db, page, {
    table: sql`users`,
    alias: 'u',
    where: sql.join(conditions, sql` AND `),
    item: userRepresentation(),
    order: newestFirst('u'),
  });
}

/** `GET /me`: the caller, with the scopes their token has and their role may hold. */
export function showMe({ actor, db }: Context): Promise<RawJson> {
  const effective = scopes.filter((scope) => actor.scopes.has(scope));
  return userJson(db, actor.id, sql`, 'scopes', to_json(${effective}::text[])`);
}
