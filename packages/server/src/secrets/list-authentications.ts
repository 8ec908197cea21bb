import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { contains } from '../database/contains.ts';
import type { ListResult } from '../http/list-result.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { authenticationRepresentation } from './authentications.ts';

/** `GET /authentications`, by id. */
export const listAuthentications = (
  { db }: Context,
  { query, page }: Input<typeof operations.authenticationList>,
): Promise<ListResult> =>
  readPage(db, page, {
    table: sql`authentications`,
    alias: 'a',
    where: query.name ? contains('a.name', query.name) : sql`true`,
    item: authenticationRepresentation,
    order: byNumber('a'),
  });
