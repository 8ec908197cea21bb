import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { fieldNames, ownedOrShared } from './store.ts';
import type { Vault } from './vault.ts';

/** `config.secret-registrations` (3.3.1) of a version, in the order registered. */
export const secretRegistrationJson = (versionId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT coalesce(json_agg(json_build_object(
     'ini_header', s.ini_header, 'vault_secret', s.path, 'fields', ${fieldNames(sql.ref('s.id'))}
   ) ORDER BY r.place), '[]')
   FROM version_secrets r JOIN secrets s ON s.id = r.secret_id WHERE r.version_id = ${versionId})`;

/**
 * The secrets at the given paths that one of `owners` owns, or that are shared; with `null` all of them. They can not be
 * deleted until the transaction ends.
 *
 * @returns path → id; paths that are missing there are none, or somebody else's
 */
export async function usableSecrets(
  db: Database,
  paths: readonly string[],
  owners: readonly string[] | null,
): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  const { rows } = await sql<{ path: string; id: string }>`
    SELECT s.path, s.id FROM secrets s
    WHERE s.path = ANY(${paths.map(withoutNul)}::text[]) AND ${owners === null ? sql`true` : ownedOrShared(owners)}
    FOR KEY SHARE`.execute(db);
  return new Map(rows.map(({ path, id }) => [path, id]));
}

/** PostgreSQL has no NUL in texts; a path with one is no secret's. */
const withoutNul = (path: string): string => (path.includes('\0') ? '' : path);

/** A secret with its values, as a run gets it. */
export interface OpenSecret {
  ini_header: string;
  path: string;
  /** In stored order. */
  fields: { name: string; value: string }[];
}

/**
 * Opens the secrets at the given paths, in their order: what the deployed copy of a configuration registers. A secret
 * that was deleted since is left out.
 *
 * @throws {VaultError} when a value can not be opened
 */
export async function openSecretsAt(
  db: Database,
  vault: Vault,
  paths: readonly string[],
): Promise<OpenSecret[]> {
  const { rows } = await sql<{ ini_header: string; path: string; name: string; value: string }>`
    SELECT s.ini_header, s.path, f.name, f.value
    FROM unnest(${[...paths]}::text[]) WITH ORDINALITY AS wanted (path, place)
    JOIN secrets s ON s.path = wanted.path
    JOIN secret_fields f ON f.secret_id = s.id
    ORDER BY wanted.place, f.place`.execute(db);
  const values = await vault.openAll(
    db,
    rows.map(({ value }) => value),
  );
  const secrets = new Map<string, OpenSecret>();
  for (const { ini_header, path, name, value } of rows) {
    const secret = secrets.get(path) ?? { ini_header, path, fields: [] };
    secrets.set(path, secret);
    secret.fields.push({ name, value: values.get(value) as string });
  }
  return [...secrets.values()];
}
