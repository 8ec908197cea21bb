import { authenticationUpdateRules, keepsSecret, operations, texts } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { violates } from '../database/conflicts.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { audit, type Change, changesBetween } from '../events/audit.ts';
import { requireBody } from '../http/body.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { authenticationJson } from './authentications.ts';

type Settings = Pick<Input<typeof operations.authenticationCreate>['body'], 'name' | 'fields' | 'oauth2'>;

/** `POST /authentications`: with the id that is sent, else the one behind the highest. */
export function createAuthentication(
  context: Context,
  { body }: Input<typeof operations.authenticationCreate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const { db, services } = work;
    const columns = columnsOf(body);
    const secret = body.oauth2?.['client-secret'];
    const { id } = await db
      .insertInto('authentications')
      .values({
        id: body.id ?? (await nextId(db)),
        kind: body.kind,
        ...serialized(columns),
        client_secret: secret ? await services.vault.put(db, 'client-secret', secret) : null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
      .catch((error) => {
        throw violates(error, 'authentications_pkey') ? badRequest({ id: texts.used }) : error;
      });
    await audit(work, {
      action: 'authentication_create',
      entity: { type: 'authentication', id, name: body.name },
      changes: [...changesBetween({}, { kind: body.kind, ...columns }), ...secretChange(secret, false)],
    });
    return authenticationJson(db, id);
  });
}

/** The table is locked against others who add to it; admins do so rarely. */
async function nextId(db: Work): Promise<number> {
  await sql`LOCK TABLE authentications IN SHARE ROW EXCLUSIVE MODE`.execute(db);
  const { rows } = await sql<{
    id: number;
  }>`SELECT coalesce(max(id), 0) + 1 AS id FROM authentications`.execute(db);
  return (rows[0] as { id: number }).id;
}

/** `PUT /authentications/{authenticationId}`: replaces all but id, kind and a client secret that is not sent. */
export function updateAuthentication(
  context: Context,
  { subject, body }: Input<typeof operations.authenticationUpdate>,
): Promise<RawJson> {
  const wanted: Settings = requireBody(
    operations.authenticationUpdate.body,
    body,
    authenticationUpdateRules(subject.kind),
  );
  return inTransaction(context, async (work) => {
    const { db, services } = work;
    const row = await lockAuthentication(db, subject.id);
    const before = { name: row.name, fields: row.fields, oauth2: row.oauth2 };
    const columns = columnsOf(wanted);
    const secret = wanted.oauth2?.['client-secret'];
    const replaces = !keepsSecret(secret);
    const changes = [...changesBetween(before, columns), ...(replaces ? secretChange(secret, true) : [])];
    if (changes.length > 0) {
      const sealed = replaces
        ? await services.vault.put(db, 'client-secret', secret as string)
        : row.client_secret;
      await db
        .updateTable('authentications')
        .set({ ...serialized(columns), client_secret: sealed, updated_at: new Date() })
        .where('id', '=', subject.id)
        .execute();
      if (replaces && row.client_secret) await services.vault.remove(db, row.client_secret);
      await audit(work, {
        action: 'authentication_update',
        entity: { type: 'authentication', id: subject.id, name: wanted.name },
        changes,
      });
    }
    return authenticationJson(db, subject.id);
  });
}

/** `DELETE /authentications/{authenticationId}`: refused while a version registers it. */
export async function deleteAuthentication(
  context: Context,
  { subject }: Input<typeof operations.authenticationDelete>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    const { db, services } = work;
    const row = await lockAuthentication(db, subject.id);
    const registered = await db
      .selectFrom('version_authentications')
      .select('version_id')
      .where('authentication_id', '=', subject.id)
      .limit(1)
      .executeTakeFirst();
    if (registered) throw refused('Authentication is registered in a connector.');
    await db.deleteFrom('authentications').where('id', '=', subject.id).execute();
    if (row.client_secret) await services.vault.remove(db, row.client_secret);
    await audit(work, {
      action: 'authentication_delete',
      entity: { type: 'authentication', id: subject.id, name: row.name },
      changes: [{ path: 'name', from: row.name, to: null }],
    });
  });
}

/** @throws 404 when it was deleted in between */
const lockAuthentication = (db: Work, id: number) =>
  db
    .selectFrom('authentications')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Authentication'));

/** What is stored in the open, complete and in the order the API shows it. */
function columnsOf({ name, fields, oauth2 }: Settings) {
  return {
    name,
    fields: fields.map((field) => ({
      name: field.name,
      label: field.label || field.name,
      secret: field.secret ?? true,
    })),
    oauth2: oauth2
      ? {
          'authorization-url': oauth2['authorization-url'],
          'token-url': oauth2['token-url'],
          scopes: oauth2.scopes ?? [],
          'client-id': oauth2['client-id'],
        }
      : null,
  };
}

const serialized = ({ name, fields, oauth2 }: ReturnType<typeof columnsOf>) => ({
  name,
  fields: JSON.stringify(fields),
  oauth2: oauth2 && JSON.stringify(oauth2),
});

const secretChange = (secret: string | null | undefined, stored: boolean): Change[] =>
  secret ? [{ path: 'oauth2.client-secret', from: stored ? '***' : null, to: '***' }] : [];
