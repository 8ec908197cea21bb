import { randomInt } from 'node:crypto';
import type { operations, Scope } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Database } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { ListResult } from '../http/list-result.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { newId, sha256 } from '../ids.ts';
import { RawJson } from '../json.ts';
import { isFullAdmin } from './resolver.ts';

const tokenRepresentation: RawBuilder<unknown> = sql`json_build_object(
  'id', t.id, 'name', t.name, 'prefix', t.prefix, 'scopes', to_json(t.scopes), 'user', t.user_id,
  'expires-at', wire_time(t.expires_at), 'last-used-at', wire_time(t.last_used_at),
  'created-at', wire_time(t.created_at))`;

/** `GET /tokens`: one's own; an admin may ask for another user's. */
export function listTokens(
  { actor, db }: Context,
  { query, page }: Input<typeof operations.tokenList>,
): Promise<ListResult> {
  const userId = query.user ?? actor.id;
  const visible = userId === actor.id || isFullAdmin(actor);
  return readPage(db, page, {
    table: sql`tokens`,
    alias: 't',
    where: visible ? sql`t.user_id = ${userId}` : sql`false`,
    item: tokenRepresentation,
    order: newestFirst('t'),
  });
}

/** `POST /tokens`: no wider than the token of the call; the answer is the only place that ever shows it. */
export async function createToken(
  context: Context,
  { body }: Input<typeof operations.tokenCreate>,
): Promise<RawJson> {
  const { actor } = context;
  const scopes = [...new Set(body.scopes)];
  const wider = scopes.filter((scope) => !actor.scopes.has(scope));
  if (wider.length > 0) throw badRequest({ scopes: `You can not grant: ${wider.join(', ')}` });
  return inTransaction(context, async (work) => {
    const { id, token } = await issueToken(work.db, actor.id, {
      name: body.name,
      scopes,
      expiresInDays: body['expires-in-days'] ?? 90,
    });
    const json = await tokenJson(work.db, id);
    await audit(work, {
      action: 'token_create',
      entity: { type: 'token', id, name: body.name },
      changes: changesBetween({}, { scopes, 'expires-at': JSON.parse(json)['expires-at'] }),
    });
    return new RawJson(`${json.slice(0, -1)}, "token" : ${JSON.stringify(token)}}`);
  });
}

/** `DELETE /tokens/{tokenId}`: one's own, an admin any. */
export async function deleteToken(
  context: Context,
  { params: { tokenId } }: Input<typeof operations.tokenDelete>,
): Promise<void> {
  const { actor } = context;
  await inTransaction(context, async (work) => {
    const mine = isFullAdmin(actor) ? sql<boolean>`true` : sql<boolean>`user_id = ${actor.id}`;
    const token = await work.db
      .deleteFrom('tokens')
      .where('id', '=', tokenId)
      .where(mine)
      .returning(['name', 'prefix'])
      .executeTakeFirst();
    if (!token) throw notFound('Token');
    await audit(work, {
      action: 'token_delete',
      entity: { type: 'token', id: tokenId, name: token.name },
      changes: [{ path: 'prefix', from: token.prefix, to: null }],
    });
  });
}

async function tokenJson(db: Database, id: string): Promise<string> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${tokenRepresentation})::text AS json FROM tokens t WHERE t.id = ${id}`.execute(db);
  return (rows[0] as { json: string }).json;
}

export interface NewToken {
  name: string;
  scopes: readonly Scope[];
  /** At most 365 (1.2). */
  expiresInDays: number;
}

/** Makes a personal access token of the user. Only its hash is stored, so what this returns is never seen again. */
export async function issueToken(
  db: Database,
  userId: string,
  { name, scopes, expiresInDays }: NewToken,
): Promise<{ id: string; token: string }> {
  const id = newId();
  const token = `slw_${randomLetters(40)}`;
  await db
    .insertInto('tokens')
    .values({
      id,
      user_id: userId,
      name,
      prefix: token.slice(0, 8),
      hash: sha256(token),
      scopes: [...scopes],
      expires_at: sql<Date>`now() + make_interval(days => ${expiresInDays})`,
    })
    .execute();
  return { id, token };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits, each equally likely. */
const randomLetters = (count: number): string =>
  Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
