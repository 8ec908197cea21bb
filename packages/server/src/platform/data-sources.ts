import {
  type BodyOf,
  type ConnectorType,
  type FieldErrors,
  messages,
  type operations,
  texts,
} from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction, type Work } from '../context.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, type Change, changesBetween } from '../events/audit.ts';
import { readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { type DeployedVersion, findDeployedOnSite } from '../versions/deployed.ts';
import { dataSourceJson } from './data-source-store.ts';
import { checkFormValues, type FormOwner, storedPasswords, writeFormValues } from './form-values.ts';
import { findJson, showJson } from './store.ts';
import type { SiteSubject } from './subjects.ts';

type Operations = typeof operations;
type Body = BodyOf<Operations['platformDataSourceUpdate']>;
type Part = NonNullable<Body['connector']>;

/** By `order`, then `id`. */
export const dataSourceList: Verb<Operations['platformDataSourceList']> = ({ db }, { subject, page }) =>
  readPage(db, page, {
    table: sql`data_sources`,
    alias: 'd',
    where: sql`d.site_id = ${subject.id}`,
    item: dataSourceJson,
    order: {
      columns: [
        { name: sql.ref('d.order'), type: 'integer' },
        { name: sql.ref('d.id'), type: 'integer' },
      ],
      direction: 'ASC',
    },
  });

const at = (site: number, id: number) => sql`data_sources d WHERE d.id = ${id} AND d.site_id = ${site}`;

export const dataSourceShow: Verb<Operations['platformDataSourceShow']> = async (
  { db },
  { subject, params },
) => {
  const json = await findJson(db, dataSourceJson, at(subject.id, Number(params.dataSourceId)));
  if (!json) throw notFound('Data source');
  return json;
};

/** PUT replaces: an absent key gets its default. Another version of the connector keeps the values of the former one. */
export const dataSourceUpdate: Verb<Operations['platformDataSourceUpdate']> = (
  context,
  { subject, params, body },
) =>
  inTransaction(context, async (work): Promise<RawJson> => {
    const source = await lockSource(work.db, subject.id, Number(params.dataSourceId));
    const parts = await checkParts(work, subject, source, body);
    const errors = { ...(await checkFields(work.db, source, body)), ...parts.errors };
    if (Object.keys(errors).length > 0) throw badRequest(errors);
    const changes = await writeFields(work.db, source, body);
    for (const { key, owner, version, values } of parts.found) {
      const fields = version.config.individuals;
      changes.push(...(await writeFormValues(work.db, work.services.vault, owner, fields, values, key)));
    }
    if (changes.length > 0) {
      await audit(work, {
        action: 'platform_data_source_update',
        entity: { type: 'data-source', id: source.id, name: body.name },
        connector: body.connector?.id ?? null,
        changes,
      });
    }
    return showJson(work.db, dataSourceJson, at(subject.id, source.id));
  });

async function lockSource(db: Work, site: number, id: number) {
  const row = await db
    .selectFrom('data_sources')
    .selectAll()
    .where('id', '=', id)
    .where('site_id', '=', site)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw notFound('Data source');
  return row;
}

type Source = Awaited<ReturnType<typeof lockSource>>;

async function checkFields(db: Work, source: Source, body: Body): Promise<FieldErrors> {
  const errors: FieldErrors = {};
  const { rows } = await sql`
    SELECT 1 FROM data_sources WHERE site_id = ${source.site_id} AND name = ${body.name} AND id <> ${source.id}`.execute(
    db,
  );
  if (rows.length > 0) errors.name = texts.used;
  if (body.kind !== source.kind) errors.kind = texts.choice;
  // Additional sources are not joined yet; one that was taken for a main source would bring wrong rows.
  if (body.role === 'additional') errors.role = texts.choice;
  if ((body.role ?? 'main') === 'main') {
    // A main source appends; there is nothing to match.
    for (const key of ['key-column', 'match-column'] as const) {
      if (body[key]) errors[key] = texts.unexpected;
    }
  }
  return errors;
}

/** A part of the source that runs a connector, with the version behind it. */
interface FoundPart {
  key: 'connector' | 'transform';
  owner: FormOwner;
  version: DeployedVersion;
  values: Record<string, string>;
}

/** Which connector type each part of a kind takes; a chain may consist of one half alone. */
const partTypes: Record<string, Partial<Record<FoundPart['key'], ConnectorType>>> = {
  connector: { connector: 'datasource' },
  chain: { connector: 'download', transform: 'transform' },
};

async function checkParts(context: Context, site: SiteSubject, source: Source, body: Body) {
  const wanted = partTypes[source.kind] ?? {};
  const errors: FieldErrors = {};
  const found: FoundPart[] = [];
  for (const key of ['connector', 'transform'] as const) {
    const part = body[key] ?? null;
    const type = wanted[key];
    if (part === null) continue;
    if (type === undefined) {
      errors[key] = texts.unexpected;
      continue;
    }
    const version = await findDeployedOnSite(context.db, part.id, part.version, site.id);
    const refusal = !version ? unavailable : refusalOf(version, type, site, source, key);
    if (refusal !== null) errors[key] = refusal;
    else if (version) {
      const owner = { dataSource: source.id, connectorId: part.id, major: part.version };
      const passwords = await storedPasswords(context.db, owner);
      const values = part.values ?? {};
      Object.assign(errors, checkCredential(version, part, key));
      Object.assign(errors, checkFormValues(version.config.individuals, values, passwords, key));
      found.push({ key, owner, version, values });
    }
  }
  if (Object.keys(wanted).length > 0 && !body.connector && !body.transform) errors.connector = texts.blank;
  return { errors, found };
}

const unavailable = 'Connector is not available for this site.';

/** A source may keep the version it uses; any other must be offered to the site (6.3). */
function refusalOf(
  version: DeployedVersion,
  type: ConnectorType,
  site: SiteSubject,
  source: Source,
  key: FoundPart['key'],
): string | null {
  const used =
    key === 'connector'
      ? source.connector_id === version.connectorId && source.connector_major === version.major
      : source.transform_id === version.connectorId && source.transform_major === version.major;
  if (!used && !isOffered(version, site)) return unavailable;
  return version.type === type ? null : messages.wrongType(version.type);
}

const isOffered = ({ devSite, access }: DeployedVersion, site: SiteSubject): boolean =>
  devSite === site.id ||
  access.released ||
  access.sites.includes(site.id) ||
  access.projects.includes(site.projectId) ||
  access.accounts.includes(site.accountId);

function checkCredential(version: DeployedVersion, part: Part, key: string): FieldErrors {
  const field = version.config.individuals.find((row) => row['field-type'] === 'authentication_select');
  const credential = part.credential ?? null;
  if (credential === null) return field?.['field-required'] ? { [`${key}.credential`]: texts.blank } : {};
  return { [`${key}.credential`]: 'Credential not found.' };
}

async function writeFields(db: Work, source: Source, body: Body): Promise<Change[]> {
  const after = {
    name: body.name,
    role: body.role ?? 'main',
    status: body.status ?? 'active',
    order: body.order ?? (await nextOrder(db, source.site_id, source.id)),
    connector_id: body.connector?.id ?? null,
    connector_major: body.connector?.version ?? null,
    credential: body.connector?.credential ?? null,
    transform_id: body.transform?.id ?? null,
    transform_major: body.transform?.version ?? null,
    on_failure: body['on-failure'] ?? 'keep',
    key_column: body['key-column'] || null,
    match_column: body['match-column'] || null,
    join: body.join ?? 'fill',
    prefix: body.prefix || null,
  };
  const changes = changesBetween(
    Object.fromEntries(Object.keys(after).map((key) => [wireName(key), source[key as keyof typeof after]])),
    Object.fromEntries(Object.entries(after).map(([key, value]) => [wireName(key), value])),
  );
  await db
    .updateTable('data_sources')
    .set({
      ...after,
      // Who switches a source by hand decides for good, whatever becomes of the connector in the bin.
      ...(after.status === source.status ? {} : { paused_by_bin: false }),
      updated_at: sql`now()`,
    })
    .where('id', '=', source.id)
    .execute();
  return changes;
}

/** `connector_major` → `connector.version`, `on_failure` → `on-failure`. */
const wireName = (column: string): string =>
  column
    .replace(/_major$/, '.version')
    .replace(/_id$/, '.id')
    .replaceAll('_', '-');

/**
 * The place behind the last source of a site.
 *
 * @param except a source that is to go there, and does not count itself
 */
export async function nextOrder(db: Work, site: number, except: number | null = null): Promise<number> {
  const { rows } = await sql<{ next: number }>`
    SELECT coalesce(max("order"), 0) + 1 AS next FROM data_sources
    WHERE site_id = ${site} AND id IS DISTINCT FROM ${except}::integer`.execute(db);
  return rows[0]?.next ?? 1;
}
