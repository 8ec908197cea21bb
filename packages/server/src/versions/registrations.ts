import { type FieldErrors, operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import type { Input } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { authenticationFields, missingAuthentications } from '../secrets/authentications.ts';
import { usableSecrets } from '../secrets/registrations.ts';
import { changeConfiguration } from './change-configuration.ts';
import { syncAuthenticationField } from './individual-configs.ts';

/** `PUT …/secret-registrations`: replaces the list; duplicates count once. */
export async function updateSecretRegistrations(
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateSecretRegistrations>,
): Promise<void> {
  const operation = operations.connectorUpdateSecretRegistrations;
  await changeConfiguration(context, operation, subject, async (work) => {
    const given = body['secret-registrations'];
    const ids = await requireSecrets(work, given, [subject.ownerId]);
    await storeSecrets(work.db, subject.id, ids);
    return { changes: [{ path: 'secret-registrations', from: null, to: [...new Set(given)] }] };
  });
}

/**
 * Ids of the secrets at the given paths that one of `owners`, or everybody, may use.
 *
 * @throws 400 `{"secretRegistrations[<i>]":"Secret doesn't exist in the store."}` for each that is none
 */
export async function requireSecrets(
  context: Context,
  paths: readonly string[],
  owners: readonly string[] | null,
): Promise<string[]> {
  const ids = await usableSecrets(context.db, paths, owners);
  const errors: FieldErrors = {};
  paths.forEach((path, index) => {
    if (!ids.has(path)) errors[`secretRegistrations[${index}]`] = "Secret doesn't exist in the store.";
  });
  if (Object.keys(errors).length > 0) throw badRequest(errors);
  return [...new Set(paths)].map((path) => ids.get(path) as string);
}

export async function storeSecrets(db: Work, versionId: string, ids: readonly string[]): Promise<void> {
  await db.deleteFrom('version_secrets').where('version_id', '=', versionId).execute();
  await sql`
    INSERT INTO version_secrets (version_id, place, secret_id)
    SELECT ${versionId}, s.place, s.id FROM unnest(${[...ids]}::uuid[]) WITH ORDINALITY AS s (id, place)`.execute(
    db,
  );
}

/** `PUT …/authentication-registrations`: replaces both lists; the field for choosing one comes and goes with them. */
export async function updateAuthenticationRegistrations(
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateAuthenticationRegistrations>,
): Promise<void> {
  const operation = operations.connectorUpdateAuthenticationRegistrations;
  const ids = requireIntegers(body['authentication-registrations']);
  await changeConfiguration(context, operation, subject, async (work, row) => {
    await requireAuthentications(work.db, ids, 'authentication-registrations');
    const fields = prefixed(body['authentication-registrations-additional-fields'] ?? []);
    await storeAuthentications(work.db, subject.id, ids);
    await syncAuthenticationField(work.db, subject, row, ids.length > 0);
    return {
      columns: { authentication_fields: fields },
      changes: [
        { path: 'authentication-registrations', from: null, to: ids },
        {
          path: 'authentication-registrations-additional-fields',
          from: row.authentication_fields,
          to: fields,
        },
      ],
    };
  });
}

/** The offending values stand in the text as JSON. */
function requireIntegers(values: readonly unknown[]): number[] {
  const wrong = values.filter((value) => !Number.isSafeInteger(value));
  if (wrong.length > 0) {
    const shown = wrong.map((value) => JSON.stringify(value)).join(',');
    throw badRequest({ 'authentication-registrations': `Given values are not int: ${shown}` });
  }
  return [...new Set(values as number[])];
}

/** @throws 400 at `key`, naming the ids that do not exist */
export async function requireAuthentications(db: Work, ids: readonly number[], key: string): Promise<void> {
  const missing = await missingAuthentications(db, ids);
  if (missing.length > 0)
    throw badRequest({ [key]: `Authentications don't exist in the store: ${missing.join(',')}` });
}

export async function storeAuthentications(
  db: Work,
  versionId: string,
  ids: readonly number[],
): Promise<void> {
  await db.deleteFrom('version_authentications').where('version_id', '=', versionId).execute();
  await sql`
    INSERT INTO version_authentications (version_id, place, authentication_id)
    SELECT ${versionId}, a.place, a.id FROM unnest(${[...ids]}::integer[]) WITH ORDINALITY AS a (id, place)`.execute(
    db,
  );
}

/** Connectors get these fields as `pup-auth-<name>`; a name that has the prefix keeps it once. */
export const prefixed = (names: readonly string[]): string[] => [
  ...new Set(names.map((name) => (name.startsWith('pup-auth-') ? name : `pup-auth-${name}`))),
];

/** `GET …/authentication-registrations` */
export async function showAuthentications(
  context: Context,
  { subject }: Input<typeof operations.connectorVersionShowAuthentication>,
): Promise<RawJson> {
  const { rows } = await sql<{ ids: number[]; fields: string[] }>`
    SELECT v.authentication_fields AS fields, array(
      SELECT a.authentication_id FROM version_authentications a WHERE a.version_id = v.id ORDER BY a.place) AS ids
    FROM connector_versions v WHERE v.id = ${subject.id}`.execute(context.db);
  const { ids, fields } = rows[0] as { ids: number[]; fields: string[] };
  const known = await authenticationFields(context.db, ids);
  return new RawJson(
    JSON.stringify(
      ids.map((id) => ({ id, fields: prefixed(known.get(id) ?? []), 'additional-fields': fields })),
    ),
  );
}
