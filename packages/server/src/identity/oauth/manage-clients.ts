import { randomBytes } from 'node:crypto';
import { type operations, uuidPattern } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { type Context, inTransaction } from '../../context.ts';
import { badRequest, notFound } from '../../errors.ts';
import { audit, changesBetween } from '../../events/audit.ts';
import type { ListResult } from '../../http/list-result.ts';
import { newestFirst, readPage } from '../../http/paging.ts';
import type { Input } from '../../http/route.ts';
import { newId, sha256 } from '../../ids.ts';
import { RawJson } from '../../json.ts';
import { userExists } from '../users.ts';
import { endClient } from './sign-ins.ts';

/** A client as the API shows it (3.16), from `oauth_clients` under the alias `c`. */
const clientRepresentation = (more: RawBuilder<unknown> = sql``) => sql`json_build_object(
  'client-id', c.id, 'name', c.name, 'kind', c.kind, 'redirect-uris', to_json(c.redirect_uris),
  'grant-types', to_json(c.grant_types), 'scopes', to_json(c.scopes), 'user', c.user_id,
  'created-at', wire_time(c.created_at) ${more})`;

/** `GET /oauth-clients` */
export const listClients = (
  { db }: Context,
  { page }: Input<typeof operations.oauthClientList>,
): Promise<ListResult> =>
  readPage(db, page, {
    table: sql`oauth_clients`,
    alias: 'c',
    where: sql`true`,
    item: clientRepresentation(),
    order: newestFirst('c'),
  });

/** `POST /oauth-clients`: the secret of a confidential client is shown once, only its hash is stored. */
export async function createClient(
  context: Context,
  { body }: Input<typeof operations.oauthClientCreate>,
): Promise<RawJson> {
  const id = newId();
  const secret = body.kind === 'confidential' ? randomBytes(32).toString('base64url') : null;
  const grants = [...new Set(body['grant-types'])];
  const client = {
    name: body.name,
    kind: body.kind,
    redirect_uris: [...new Set(body['redirect-uris'] ?? [])],
    grant_types: grants,
    scopes: [...new Set(body.scopes)],
    // Only who acts without a user being there has one to act for.
    user_id: grants.includes('client_credentials') ? (body.user ?? null) : null,
  };
  return inTransaction(context, async (work) => {
    if (client.user_id !== null && !(await userExists(work.db, client.user_id))) {
      throw badRequest({ user: 'User not found.' });
    }
    await work.db
      .insertInto('oauth_clients')
      .values({ id, ...client, secret_hash: secret === null ? null : sha256(secret) })
      .execute();
    await audit(work, {
      action: 'oauth_client_create',
      entity: { type: 'oauth-client', id, name: client.name },
      changes: changesBetween(
        {},
        {
          kind: client.kind,
          'redirect-uris': client.redirect_uris,
          'grant-types': client.grant_types,
          scopes: client.scopes,
          user: client.user_id,
        },
      ),
    });
    const { rows } = await sql<{ json: string }>`
      SELECT (${clientRepresentation(sql`, 'client-secret', ${secret}::text`)})::text AS json
      FROM oauth_clients c WHERE c.id = ${id}`.execute(work.db);
    return new RawJson((rows[0] as { json: string }).json);
  });
}

/** `DELETE /oauth-clients/{clientId}`: every sign-in at the client ends with it. */
export async function deleteClient(
  context: Context,
  { params: { clientId } }: Input<typeof operations.oauthClientDelete>,
): Promise<void> {
  if (!uuidPattern.test(clientId)) throw notFound('OAuth client');
  await inTransaction(context, async (work) => {
    const client = await work.db
      .deleteFrom('oauth_clients')
      .where('id', '=', clientId)
      .returning(['id', 'name'])
      .executeTakeFirst();
    if (!client) throw notFound('OAuth client');
    await endClient(work.db, client.id);
    await audit(work, {
      action: 'oauth_client_delete',
      entity: { type: 'oauth-client', id: client.id, name: client.name },
    });
  });
}
