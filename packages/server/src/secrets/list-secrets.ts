import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { contains } from '../database/contains.ts';
import type { ListResult } from '../http/list-result.ts';
import { readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { secretRepresentation, usableBy } from './store.ts';

/** `GET /secrets`: what the caller may use, an admin all; by path. */
export function listSecrets(
  { actor, db }: Context,
  { query, page }: Input<typeof operations.secretList>,
): Promise<ListResult> {
  const visible = actor.role === 'admin' ? sql`true` : usableBy(actor);
  return readPage(db, page, {
    table: sql`secrets`,
    alias: 's',
    where: query.path ? sql`${visible} AND ${contains('s.path', query.path)}` : visible,
    item: secretRepresentation,
    order: { columns: [{ name: sql.ref('s.path'), type: 'text' }], direction: 'ASC' },
  });
}
