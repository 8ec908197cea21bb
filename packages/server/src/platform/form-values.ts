import { type FieldErrors, texts } from '@slipway/contract';
import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import type { Change } from '../events/audit.ts';
import { newId } from '../ids.ts';
import type { Vault } from '../secrets/vault.ts';
import type { IndividualField } from '../versions/deployed.ts';

/** What stands in place of a password; sent back, it keeps the stored one. */
const masked = '***';

/** Whose form: a data source, on a version of a connector. Going back to another version finds its values again. */
export interface FormOwner {
  dataSource: number;
  connectorId: string;
  major: number;
}

interface StoredValue {
  id: string;
  command_option: string;
  value: string | null;
  sealed: string | null;
}

const storedValues = (db: Database, { dataSource, connectorId, major }: FormOwner): Promise<StoredValue[]> =>
  db
    .selectFrom('form_values')
    .select(['id', 'command_option', 'value', 'sealed'])
    .where('data_source_id', '=', dataSource)
    .where('connector_id', '=', connectorId)
    .where('major', '=', major)
    .execute();

/** The values a run gets; passwords are opened. Options without a stored value are missing. */
export async function openFormValues(
  db: Database,
  vault: Vault,
  owner: FormOwner,
): Promise<Record<string, string>> {
  const rows = await storedValues(db, owner);
  const opened = await vault.openAll(
    db,
    rows.flatMap((row) => row.sealed ?? []),
  );
  const values = rows.map((row) => [row.command_option, row.sealed ? opened.get(row.sealed) : row.value]);
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined));
}

/** Options whose password is stored. */
export async function storedPasswords(db: Database, owner: FormOwner): Promise<Set<string>> {
  const rows = await storedValues(db, owner);
  return new Set(rows.filter((row) => row.sealed !== null).map((row) => row.command_option));
}

/**
 * Checks the values of a form against the fields of the version (6.3).
 *
 * @param passwords options whose password is stored, so that `***` fills them
 * @param key of the part in the request, such as `connector`
 */
export function checkFormValues(
  fields: readonly IndividualField[],
  values: Readonly<Record<string, string>>,
  passwords: ReadonlySet<string>,
  key: string,
): FieldErrors {
  const errors: FieldErrors = {};
  const known = new Map(formFields(fields).map((field) => [field['command-option'], field]));
  for (const option of Object.keys(values)) {
    if (!known.has(option)) errors[`${key}.values.${option}`] = texts.unexpected;
  }
  for (const [option, field] of known) {
    const given = Object.hasOwn(values, option) ? (values[option] as string) : '';
    const kept = field['field-type'] === 'password' && given === masked;
    const value = kept && !passwords.has(option) ? '' : given;
    const text = checkValue(field, value);
    if (text !== null) errors[`${key}.values.${option}`] = text;
  }
  return errors;
}

/** The server-made row picks a credential; it has no value of its own. */
export const formFields = (fields: readonly IndividualField[]): IndividualField[] =>
  fields.filter((field) => field['field-type'] !== 'authentication_select');

function checkValue(field: IndividualField, value: string): string | null {
  const type = field['field-type'];
  // A box that is not ticked is 0; it is never blank.
  if (type === 'checkbox') return ['', '0', '1'].includes(value) ? null : 'This value should be 0 or 1.';
  if (value === '') return field['field-required'] && !field['field-default-value'] ? texts.blank : null;
  if (type !== 'select' && type !== 'select_multiple') return null;
  const options = Object.keys(JSON.parse(field['field-config'] ?? '{}') as Record<string, string>);
  const chosen = type === 'select' ? [value] : value.split(',');
  return chosen.every((option) => options.includes(option))
    ? null
    : 'This value should be one of the options.';
}

/**
 * Replaces the values of a form; passwords are sealed, `***` keeps the stored one, and what is no longer sent is
 * removed. The values were checked before.
 *
 * @returns what changed, for the audit trail
 */
export async function writeFormValues(
  db: Work,
  vault: Vault,
  owner: FormOwner,
  fields: readonly IndividualField[],
  values: Readonly<Record<string, string>>,
  key: string,
): Promise<Change[]> {
  const stored = new Map((await storedValues(db, owner)).map((row) => [row.command_option, row]));
  const passwords = new Set(
    fields.filter((field) => field['field-type'] === 'password').map((field) => field['command-option']),
  );
  const changes: Change[] = [];
  for (const [option, value] of Object.entries(values)) {
    const before = stored.get(option);
    stored.delete(option);
    const secret = passwords.has(option);
    const same = secret ? value === masked : before?.value === value && before.sealed === null;
    if (same) continue;
    const sealed = secret && value !== '' ? await vault.put(db, 'form-value', value) : null;
    await saveValue(db, owner, option, { value: secret ? null : value, sealed });
    if (before?.sealed) await vault.remove(db, before.sealed);
    changes.push({
      path: `${key}.values.${option}`,
      from: before ? (before.sealed ? masked : before.value) : null,
      to: secret ? masked : value,
    });
  }
  for (const row of stored.values()) {
    await db.deleteFrom('form_values').where('id', '=', row.id).execute();
    if (row.sealed) await vault.remove(db, row.sealed);
    changes.push({
      path: `${key}.values.${row.command_option}`,
      from: row.sealed ? masked : row.value,
      to: null,
    });
  }
  return changes;
}

async function saveValue(
  db: Work,
  { dataSource, connectorId, major }: FormOwner,
  option: string,
  { value, sealed }: { value: string | null; sealed: string | null },
): Promise<void> {
  await db
    .insertInto('form_values')
    .values({
      id: newId(),
      data_source_id: dataSource,
      connector_id: connectorId,
      major,
      command_option: option,
      value,
      sealed,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['data_source_id', 'connector_id', 'major', 'command_option'])
        .doUpdateSet({ value: sql`excluded.value`, sealed: sql`excluded.sealed` }),
    )
    .execute();
}

/** Removes all values of these sources, of every version they ever used; passwords leave the vault too. */
export async function removeFormValues(
  db: Work,
  vault: Vault,
  dataSources: readonly number[],
): Promise<void> {
  const { rows } = await sql<{ sealed: string | null }>`
    DELETE FROM form_values WHERE data_source_id = ANY(${[...dataSources]}::integer[]) RETURNING sealed`.execute(
    db,
  );
  await vault.remove(db, ...rows.flatMap(({ sealed }) => sealed ?? []));
}
