import { type FieldErrors, iniHeaderOf, type operations, texts } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit, type Change } from '../events/audit.ts';
import { type Input, Reply } from '../http/route.ts';
import { owns } from '../identity/actor.ts';
import { newId } from '../ids.ts';
import { chooseOwner } from '../organizations/ownership.ts';
import { secretJson } from './store.ts';

type Body = Input<typeof operations.secretPut>['body'];
type TransactionContext = Context & { db: Work };

interface StoredField {
  name: string;
  /** Id in the vault. */
  value: string;
}

/** `PUT /secrets/{path}`: creates the secret, or replaces its whole set of fields. */
export function putSecret(
  context: Context,
  { params: { path }, body }: Input<typeof operations.secretPut>,
): Promise<Reply> {
  return inTransaction(context, async (work) => {
    const created = await createSecret(work, path, body);
    if (created) return new Reply(await secretJson(work.db, created));
    const updated = await updateSecret(work, path, body);
    return new Reply(await secretJson(work.db, updated), { status: 200, message: 'Secret updated.' });
  });
}

/** The id of the new secret; null when there is one at this path already. */
async function createSecret(work: TransactionContext, path: string, body: Body): Promise<string | null> {
  const id = newId();
  const { actor, db } = work;
  // Taking the path first decides between several who create it at once.
  const taken = await db
    .insertInto('secrets')
    .values({ id, path, ini_header: headerOf(path, body.fields, null), last_updated_by: actor.id })
    .onConflict((conflict) => conflict.column('path').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!taken) return null;
  requireValues(body.fields, new Map());
  const owner = await ownerOf(work, body.owner);
  await db.updateTable('secrets').set({ owner_id: owner }).where('id', '=', id).execute();
  await storeFields(work, id, body.fields, new Map());
  await audit(work, {
    action: 'secret_put',
    entity: { type: 'secret', id: path, name: path },
    changes: [
      { path: 'owner', from: null, to: owner },
      ...Object.keys(body.fields).map((name) => ({ path: `fields.${name}`, from: null, to: '***' })),
    ],
  });
  return id;
}

/** An organization or user as the caller may choose it; null, which is an admin's default, shares with everybody. */
async function ownerOf(work: TransactionContext, given: Body['owner']): Promise<string | null> {
  const mayShare = work.actor.role === 'admin';
  if (given === null && !mayShare) throw badRequest({ owner: texts.uuid });
  if (mayShare && (given === null || given === undefined)) return null;
  return (await chooseOwner(work, given ?? undefined)).id;
}

async function updateSecret(work: TransactionContext, path: string, body: Body): Promise<string> {
  const { actor, db, services } = work;
  const secret = await db
    .selectFrom('secrets')
    .select(['id', 'owner_id', 'ini_header'])
    .where('path', '=', path)
    .forUpdate()
    .executeTakeFirst();
  // Deleted in this very moment by somebody else, or theirs.
  if (!secret || !(actor.role === 'admin' || owns(actor, secret.owner_id))) {
    throw badRequest({ path: texts.used });
  }
  const rows: StoredField[] = await db
    .selectFrom('secret_fields')
    .select(['name', 'value'])
    .where('secret_id', '=', secret.id)
    .orderBy('place')
    .execute();
  const stored = new Map(rows.map(({ name, value }) => [name, value]));
  requireValues(body.fields, stored);
  const changes = changesOf(body.fields, [...stored.keys()]);
  if (changes.length === 0) return secret.id;
  await db.deleteFrom('secret_fields').where('secret_id', '=', secret.id).execute();
  await storeFields(work, secret.id, body.fields, stored);
  await services.vault.remove(
    db,
    ...rows.filter(({ name }) => !keeps(body.fields, name)).map(({ value }) => value),
  );
  await db
    .updateTable('secrets')
    .set({
      ini_header: headerOf(path, body.fields, secret.ini_header),
      last_updated_by: actor.id,
      updated_at: new Date(),
    })
    .where('id', '=', secret.id)
    .execute();
  await audit(work, {
    action: 'secret_put',
    entity: { type: 'secret', id: path, name: path },
    changes,
  });
  return secret.id;
}

/** Null keeps the stored value. */
const keeps = (fields: Body['fields'], name: string): boolean => fields[name] === null;

/** @throws 400 for each field that has neither a value nor a stored one */
function requireValues(fields: Body['fields'], stored: ReadonlyMap<string, string>): void {
  const errors: FieldErrors = {};
  for (const name of Object.keys(fields)) {
    if (keeps(fields, name) && !stored.has(name)) errors[`fields.${name}`] = texts.blank;
  }
  if (Object.keys(errors).length > 0) throw badRequest(errors);
}

/** The header that files and registrations show (3.3.1): of the field `ini_header`, else made from the path. */
function headerOf(path: string, fields: Body['fields'], stored: string | null): string {
  const { ini_header: given } = fields;
  return (given === null ? stored : given) || iniHeaderOf(path);
}

/** Writes the fields in the order they were sent; the values that stay keep their place in the vault. */
async function storeFields(
  { db, services }: TransactionContext,
  secretId: string,
  fields: Body['fields'],
  stored: ReadonlyMap<string, string>,
): Promise<void> {
  const names = Object.keys(fields);
  const fresh = names.filter((name) => !keeps(fields, name));
  const ids = await services.vault.putAll(
    db,
    'secret',
    fresh.map((name) => fields[name] as string),
  );
  const values = new Map([...stored, ...fresh.map((name, index) => [name, ids[index] as string] as const)]);
  await db
    .insertInto('secret_fields')
    .values(
      names.map((name, place) => ({ secret_id: secretId, place, name, value: values.get(name) as string })),
    )
    .execute();
}

/** Names alone: neither old nor new values stand in the audit trail. */
function changesOf(fields: Body['fields'], stored: readonly string[]): Change[] {
  const names = Object.keys(fields);
  const written = names
    .filter((name) => !keeps(fields, name))
    .map((name) => ({ path: `fields.${name}`, from: stored.includes(name) ? '***' : null, to: '***' }));
  const removed = stored
    .filter((name) => !names.includes(name))
    .map((name) => ({ path: `fields.${name}`, from: '***', to: null }));
  const moved = written.length === 0 && removed.length === 0 && names.join() !== stored.join();
  return [...written, ...removed, ...(moved ? [{ path: 'fields', from: stored, to: names }] : [])];
}
