import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import type { IndividualField } from '../versions/deployed.ts';
import { type Place, placeOf } from './assign.ts';
import { formFields } from './form-values.ts';
import type { PlatformVersion, SwitchedSites } from './gateway.ts';

type Working = Pick<Context, 'services'> & { db: Work };

interface LegacySource {
  id: number;
  site: number;
  values: Record<string, string>;
}

/**
 * Moves every source that runs the legacy executable to the version, and remembers each (product.md 2.8). What was
 * stored for the executable applies by its key; keys that the form does not have are kept, unused, for the way back.
 */
export async function switchLegacy(
  work: Working,
  version: PlatformVersion,
  executable: number,
  fields: readonly IndividualField[],
): Promise<SwitchedSites> {
  const place = placeOf(version.type);
  if (!place) return { sites: [], missing: [] };
  const sources = await lockSources(work.db, executable);
  if (sources.length === 0) return { sites: [], missing: [] };
  const ids = sources.map(({ id }) => id);
  const { db } = work;
  await sql`
    INSERT INTO legacy_switches (data_source_id, connector_id, major, legacy_executable)
    SELECT id, ${version.connectorId}, ${version.major}, ${executable} FROM unnest(${ids}::integer[]) AS switched (id)
    ON CONFLICT (data_source_id) DO UPDATE SET connector_id = excluded.connector_id, major = excluded.major,
      legacy_executable = excluded.legacy_executable, created_at = now()`.execute(db);
  await pointAtConnector(db, version, place, ids);
  const filled = await applyValues(work, version, sources, fields);
  return { sites: sitesOf(sources), missing: missingOptions(sources, fields, filled) };
}

async function lockSources(db: Work, executable: number): Promise<LegacySource[]> {
  const { rows } = await sql<LegacySource>`
    SELECT id, site_id AS site, legacy_values AS values FROM data_sources
    WHERE kind = 'legacy' AND legacy_executable = ${executable} ORDER BY id FOR UPDATE`.execute(db);
  return rows;
}

const pointAtConnector = (
  db: Work,
  version: PlatformVersion,
  { kind, part }: Place,
  ids: readonly number[],
) =>
  sql`
    UPDATE data_sources SET kind = ${kind}, ${sql.ref(`${part}_id`)} = ${version.connectorId},
      ${sql.ref(`${part}_major`)} = ${version.major}, legacy_executable = NULL, updated_at = now()
    WHERE id = ANY(${[...ids]}::integer[])`.execute(db);

/**
 * Stores the values of the executable as form values of the version. A source that ran the version before, and went
 * back, finds the values it had then.
 *
 * @returns filled options by source
 */
async function applyValues(
  { db, services }: Working,
  { connectorId, major }: PlatformVersion,
  sources: readonly LegacySource[],
  fields: readonly IndividualField[],
): Promise<Map<number, Set<string>>> {
  const { rows } = await sql<{ source: number; option: string }>`
    SELECT data_source_id AS source, command_option AS option FROM form_values
    WHERE data_source_id = ANY(${sources.map(({ id }) => id)}::integer[]) AND connector_id = ${connectorId}
      AND major = ${major} AND (sealed IS NOT NULL OR value <> '')`.execute(db);
  const filled = new Map<number, Set<string>>();
  for (const { source, option } of rows) filled.set(source, (filled.get(source) ?? new Set()).add(option));
  const known = new Map(formFields(fields).map((field) => [field['command-option'], field]));
  const fresh = sources
    .filter(({ id }) => !filled.has(id))
    .flatMap(({ id, values }) =>
      Object.entries(values).flatMap(([option, value]) => {
        const field = known.get(option);
        return field && value !== ''
          ? [{ id, option, value, secret: field['field-type'] === 'password' }]
          : [];
      }),
    );
  for (const { id, option } of fresh) filled.set(id, (filled.get(id) ?? new Set()).add(option));
  const secrets = fresh.filter(({ secret }) => secret);
  const sealed = await services.vault.putAll(
    db,
    'form-value',
    secrets.map(({ value }) => value),
  );
  const entries = new Map(secrets.map((value, index) => [value, sealed[index] ?? null]));
  // A statement has at most 65,535 parameters.
  for (let start = 0; start < fresh.length; start += 1000) {
    const rows = fresh.slice(start, start + 1000).map((item) => ({
      id: newId(),
      data_source_id: item.id,
      connector_id: connectorId,
      major,
      command_option: item.option,
      value: item.secret ? null : item.value,
      sealed: entries.get(item) ?? null,
    }));
    await db.insertInto('form_values').values(rows).execute();
  }
  return filled;
}

function missingOptions(
  sources: readonly LegacySource[],
  fields: readonly IndividualField[],
  filled: ReadonlyMap<number, Set<string>>,
): SwitchedSites['missing'] {
  const needed = formFields(fields)
    .filter((field) => field['field-required'] && field['field-type'] !== 'checkbox')
    .filter((field) => !field['field-default-value'])
    .map((field) => field['command-option']);
  return sources
    .map(({ id, site }) => ({ site, options: needed.filter((option) => !filled.get(id)?.has(option)) }))
    .filter(({ options }) => options.length > 0);
}

/**
 * Points the sources that were switched to this version back at the executable; one that runs another connector by now
 * was changed by hand and stays. Nothing is remembered afterwards.
 *
 * @returns the sites, ascending
 */
export async function switchBack(
  db: Work,
  { connectorId, major }: Pick<PlatformVersion, 'connectorId' | 'major'>,
): Promise<number[]> {
  const { rows } = await sql<{ site: number }>`
    WITH remembered AS (
      DELETE FROM legacy_switches WHERE connector_id = ${connectorId} AND major = ${major}
      RETURNING data_source_id, legacy_executable)
    UPDATE data_sources d SET kind = 'legacy', legacy_executable = r.legacy_executable, connector_id = NULL,
      connector_major = NULL, transform_id = NULL, transform_major = NULL, updated_at = now()
    FROM remembered r
    WHERE d.id = r.data_source_id AND ${connectorId} IN (d.connector_id, d.transform_id)
    RETURNING d.site_id AS site`.execute(db);
  return sitesOf(rows);
}

/** What was switched stays with the connector for good. */
export async function forgetSwitches(db: Work, connectorId: string): Promise<void> {
  await sql`DELETE FROM legacy_switches WHERE connector_id = ${connectorId}`.execute(db);
}

const sitesOf = (rows: readonly { site: number }[]): number[] =>
  [...new Set(rows.map(({ site }) => site))].sort((a, b) => a - b);
