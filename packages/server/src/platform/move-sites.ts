import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import { type DeployedVersion, findDeployedOnSite } from '../versions/deployed.ts';
import { isOffered } from './data-source-rules.ts';
import { formFields } from './form-values.ts';
import type { MovedSites } from './gateway.ts';

type Working = Context & { db: Work };

/** A part of a site that runs the connector. */
interface Entry {
  id: number;
  site: number;
  projectId: number;
  accountId: number;
  credential: number | null;
}

/** A stored form value of an entry, in the form of one version. */
interface Value {
  entry: number;
  major: number;
  option: string;
  value: string | null;
  sealed: string | null;
}

/**
 * Points what sites run of one version at another, from the next process on. A site keeps its form values per version:
 * one that has used the other version before finds its values again, else those of the former version go with it.
 *
 */
export async function moveSites(
  work: Working,
  move: { connectorId: string; from: number; to: number },
  sites: readonly number[],
): Promise<MovedSites> {
  const entries = await lockEntries(work.db, move, sites);
  const values = await storedValues(work.db, move, entries);
  const result: MovedSites = { moved: [], skipped: [] };
  const versions = new Map<string, DeployedVersion | null>();
  for (const site of new Set(entries.map((entry) => entry.site))) {
    const own = entries.filter((entry) => entry.site === site);
    const version = await versionOn(work, move, own[0] as Entry, versions);
    const reason = version ? refusalOf(version, move, own, values) : unavailable;
    if (version === null || reason !== null) {
      result.skipped.push({ site, reason: reason ?? unavailable });
      continue;
    }
    for (const { id } of own) await carryValues(work, move, version, values.get(id) ?? []);
    result.moved.push(site);
  }
  await pointAt(work.db, move, result.moved);
  return result;
}

const unavailable = 'Version is not available for this site.';

async function lockEntries(
  db: Work,
  { connectorId, from }: { connectorId: string; from: number },
  sites: readonly number[],
): Promise<Entry[]> {
  const { rows } = await sql<Entry>`
    SELECT d.id, d.site_id AS site, s.project_id AS "projectId", p.account_id AS "accountId", d.credential
    FROM data_sources d JOIN sites s ON s.id = d.site_id JOIN projects p ON p.id = s.project_id
    WHERE d.id IN (SELECT u.entry FROM connector_uses u WHERE u.kind = 'data-source'
        AND u.connector_id = ${connectorId} AND u.major = ${from} AND u.site_id = ANY(${[...sites]}::integer[]))
    ORDER BY d.site_id, d.id FOR UPDATE OF d`.execute(db);
  return rows;
}

async function storedValues(
  db: Work,
  { connectorId, from, to }: { connectorId: string; from: number; to: number },
  entries: readonly Entry[],
): Promise<Map<number, Value[]>> {
  const { rows } = await sql<Value>`
    SELECT data_source_id AS entry, major, command_option AS option, value, sealed FROM form_values
    WHERE data_source_id = ANY(${entries.map(({ id }) => id)}::integer[])
      AND connector_id = ${connectorId} AND major IN (${from}, ${to})`.execute(db);
  return Map.groupBy(rows, (row) => row.entry);
}

/** A site runs the dev copy on the version's dev site and the production copy elsewhere; each is read once. */
async function versionOn(
  { db }: Working,
  { connectorId, to }: { connectorId: string; to: number },
  { site, projectId, accountId }: Entry,
  versions: Map<string, DeployedVersion | null>,
): Promise<DeployedVersion | null> {
  const elsewhere = versions.get('prod');
  const key = elsewhere && elsewhere.devSite !== site ? 'prod' : `site ${site}`;
  const version = versions.get(key) ?? (await findDeployedOnSite(db, connectorId, to, site));
  if (version) versions.set(version.environment === 'prod' ? 'prod' : key, version);
  return version && isOffered(version, { id: site, projectId, accountId }) ? version : null;
}

/** Required fields that none of the values fills; a box that is not ticked is no missing value. */
function refusalOf(
  { config }: DeployedVersion,
  move: { from: number; to: number },
  entries: readonly Entry[],
  values: ReadonlyMap<number, Value[]>,
): string | null {
  const missing = new Set<string>();
  for (const { id, credential } of entries) {
    const used = valuesFor(move, values.get(id) ?? []);
    const filled = new Set(used.filter(({ value, sealed }) => value || sealed).map(({ option }) => option));
    for (const field of formFields(config.individuals)) {
      const needed = field['field-required'] && field['field-type'] !== 'checkbox';
      if (needed && !field['field-default-value'] && !filled.has(field['command-option'])) {
        missing.add(field['command-option']);
      }
    }
    const select = config.individuals.find((field) => field['field-type'] === 'authentication_select');
    if (select?.['field-required'] && credential === null) missing.add(select['command-option']);
  }
  return missing.size === 0 ? null : `Required fields are missing: ${[...missing].join(',')}`;
}

/** The values of the version to move to when there are any, else those of the former one. */
function valuesFor({ from, to }: { from: number; to: number }, values: readonly Value[]): Value[] {
  const own = values.filter(({ major }) => major === to);
  return own.length > 0 ? own : values.filter(({ major }) => major === from);
}

/** A version that has no values of its own here starts with those of the one before, as far as it knows the options. */
async function carryValues(
  { db, services }: Working,
  move: { connectorId: string; from: number; to: number },
  { config }: DeployedVersion,
  values: readonly Value[],
): Promise<void> {
  const known = new Set(formFields(config.individuals).map((field) => field['command-option']));
  const carried = valuesFor(move, values).filter(
    ({ major, option }) => major === move.from && known.has(option),
  );
  if (carried.length === 0) return;
  // Sealed anew: an entry of the vault belongs to one value.
  const secrets = carried.flatMap(({ sealed }) => sealed ?? []);
  const opened = await services.vault.openAll(db, secrets);
  const sealed = await services.vault.putAll(
    db,
    'form-value',
    secrets.map((id) => opened.get(id) ?? ''),
  );
  await db
    .insertInto('form_values')
    .values(
      carried.map((row) => ({
        id: newId(),
        data_source_id: row.entry,
        connector_id: move.connectorId,
        major: move.to,
        command_option: row.option,
        value: row.value,
        sealed: row.sealed === null ? null : (sealed[secrets.indexOf(row.sealed)] ?? null),
      })),
    )
    .execute();
}

async function pointAt(
  db: Work,
  { connectorId, from, to }: { connectorId: string; from: number; to: number },
  sites: readonly number[],
): Promise<void> {
  for (const part of ['connector', 'transform']) {
    const [id, major] = [sql.ref(`${part}_id`), sql.ref(`${part}_major`)];
    await sql`
      UPDATE data_sources SET ${major} = ${to}, updated_at = now()
      WHERE site_id = ANY(${[...sites]}::integer[]) AND ${id} = ${connectorId} AND ${major} = ${from}`.execute(
      db,
    );
  }
}
