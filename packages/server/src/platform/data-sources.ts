import { type FieldErrors, type operations, texts } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, type Change, changesBetween } from '../events/audit.ts';
import { readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { forgetCheckpoints } from '../runs/checkpoints.ts';
import { lockVersionsOf, recordSiteUses } from '../versions/site-uses.ts';
import {
  checkFields,
  checkParts,
  creatableKinds,
  type DataSourceBody,
  type FoundPart,
  ownerOf,
} from './data-source-rules.ts';
import { dataSourceJson } from './data-source-store.ts';
import { removeExchange } from './exchange-storage.ts';
import { removeFormValues, writeFormValues } from './form-values.ts';
import { dataSourcePlace } from './places.ts';
import { findJson, showJson } from './store.ts';

type Operations = typeof operations;

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

export const dataSourceCreate: Verb<Operations['platformDataSourceCreate']> = (context, { subject, body }) =>
  inTransaction(context, async (work): Promise<RawJson> => {
    await lockVersionsOf(work.db, connectorsIn(body));
    await lockSite(work.db, subject.id);
    const source = { ...nothing, site_id: subject.id, kind: body.kind };
    const parts = await checkParts(work, subject, source, body);
    const kind = creatableKinds.includes(body.kind) ? {} : { kind: texts.choice };
    refuse({ ...(await checkFields(work.db, source, body)), ...kind, ...parts.errors });
    const columns = await columnsOf(work.db, subject.id, null, body);
    const { id } = await work.db
      .insertInto('data_sources')
      .values({ site_id: subject.id, kind: body.kind, ...columns })
      .returning('id')
      .executeTakeFirstOrThrow();
    const changes = changesBetween({}, wireNames(columns));
    changes.push(...(await writeForms(work, id, parts.found)));
    await recordUses(work, connectorsIn(body));
    await auditSource(
      work,
      'platform_data_source_create',
      { id, name: body.name },
      body.connector?.id,
      changes,
    );
    return showJson(work.db, dataSourceJson, at(subject.id, id));
  });

/** PUT replaces: an absent key gets its default. Another version of the connector keeps the values of the former one. */
export const dataSourceUpdate: Verb<Operations['platformDataSourceUpdate']> = (
  context,
  { subject, params, body },
) =>
  inTransaction(context, async (work): Promise<RawJson> => {
    const source = await lockSource(work.db, subject.id, Number(params.dataSourceId), connectorsIn(body));
    const parts = await checkParts(work, subject, source, body);
    const kind = body.kind === source.kind ? {} : { kind: texts.choice };
    refuse({ ...(await checkFields(work.db, source, body)), ...kind, ...parts.errors });
    const changes = await writeFields(work.db, source, body);
    changes.push(...(await writeForms(work, source.id, parts.found)));
    await recordUses(work, [...connectorsOf(source), ...connectorsIn(body)]);
    if (changes.length > 0) {
      const named = { id: source.id, name: body.name };
      await auditSource(work, 'platform_data_source_update', named, body.connector?.id, changes);
    }
    return showJson(work.db, dataSourceJson, at(subject.id, source.id));
  });

export const dataSourceDelete: Verb<Operations['platformDataSourceDelete']> = async (
  context,
  { subject, params },
) => {
  const id = Number(params.dataSourceId);
  await inTransaction(context, async (work) => {
    const source = await lockSource(work.db, subject.id, id, []);
    await removeFormValues(work.db, work.services.vault, [id]);
    await forgetCheckpoints(work.db, [dataSourcePlace(id)]);
    await work.db.deleteFrom('data_sources').where('id', '=', id).execute();
    await recordUses(work, connectorsOf(source));
    await auditSource(work, 'platform_data_source_delete', source, source.connector_id, []);
  });
  await removeExchange(context.services, [id]);
};

const nothing = {
  id: null,
  connector_id: null,
  connector_major: null,
  transform_id: null,
  transform_major: null,
};

/** New sources of a site come one after another: names are unique, and places are counted. */
const lockSite = (db: Work, id: number) => sql`SELECT 1 FROM sites WHERE id = ${id} FOR UPDATE`.execute(db);

function refuse(errors: FieldErrors): void {
  if (Object.keys(errors).length > 0) throw badRequest(errors);
}

const auditSource = (
  work: Context & { db: Work },
  action: string,
  { id, name }: { id: number; name: string },
  connector: string | null | undefined,
  changes: Change[],
) =>
  audit(work, { action, entity: { type: 'data-source', id, name }, connector: connector ?? null, changes });

const connectorsIn = (body: DataSourceBody): string[] => sorted([body.connector?.id, body.transform?.id]);

const connectorsOf = (source: { connector_id: string | null; transform_id: string | null }): string[] =>
  sorted([source.connector_id, source.transform_id]);

const sorted = (ids: (string | null | undefined)[]): string[] =>
  [...new Set(ids.flatMap((id) => id?.toLowerCase() ?? []))].sort();

async function recordUses(work: Context & { db: Work }, connectorIds: readonly string[]): Promise<void> {
  for (const id of new Set(connectorIds)) await recordSiteUses(work, id);
}

/** Locks the versions that the source uses or will use, then the source. @throws 404 */
async function lockSource(db: Work, site: number, id: number, wanted: readonly string[]) {
  const find = () =>
    db.selectFrom('data_sources').selectAll().where('id', '=', id).where('site_id', '=', site);
  const before = await find().executeTakeFirst();
  if (!before) throw notFound('Data source');
  await lockVersionsOf(db, [...wanted, ...connectorsOf(before)]);
  await lockSite(db, site);
  const source = await find().forUpdate().executeTakeFirst();
  if (!source) throw notFound('Data source');
  return source;
}

type Source = Awaited<ReturnType<typeof lockSource>>;

async function writeForms(
  { db, services }: Context & { db: Work },
  id: number,
  parts: readonly FoundPart[],
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const part of parts) {
    const fields = part.version.config.individuals;
    changes.push(
      ...(await writeFormValues(db, services.vault, ownerOf(id, part), fields, part.values, part.key)),
    );
  }
  return changes;
}

/** The body as columns; PUT and POST fill in the same defaults. */
const columnsOf = async (db: Work, site: number, id: number | null, body: DataSourceBody) => ({
  name: body.name,
  role: body.role ?? 'main',
  status: body.status ?? 'active',
  order: body.order ?? (await nextOrder(db, site, id)),
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
});

async function writeFields(db: Work, source: Source, body: DataSourceBody): Promise<Change[]> {
  const after = await columnsOf(db, source.site_id, source.id, body);
  const changes = changesBetween(wireNames(source), wireNames(after));
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

const wireNames = (columns: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(columns).map(([key, value]) => [wireName(key), value]));

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
