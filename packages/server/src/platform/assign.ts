import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import { nextOrder } from './data-sources.ts';
import type { Assignment, PlatformVersion } from './gateway.ts';

const nowhere: Assignment = {
  assignedToSite: null,
  assignedToChannel: null,
  assignedToChannelSite: null,
  assignedToChannelSiteDestination: null,
};

/**
 * Puts a version on a site (product.md 2.4): a data source becomes a main source, a download or transform half of a
 * chain. What is there already stays, with its form values, and runs the given version from then on.
 *
 * Data services and exports are not part of the platform yet, so versions of those types are put nowhere.
 */
export async function assignToSite(
  context: Context & { db: Work },
  version: PlatformVersion,
  site: number,
  { paused }: { paused: boolean },
): Promise<Assignment> {
  const place = placeOf(version.type);
  if (!place) return nowhere;
  // Two assignments at once make one source.
  await sql`SELECT 1 FROM sites WHERE id = ${site} FOR UPDATE`.execute(context.db);
  const found =
    (await findOwn(context.db, version, site, place)) ?? (await findOpenChain(context.db, site, place));
  const id = found
    ? await takePlace(context, found, version, place)
    : await insert(context.db, version, site, place, paused);
  return place.kind === 'connector' ? { ...nowhere, assignedToSite: id } : nowhere;
}

/** Which part of a source a type of connector is. */
export interface Place {
  kind: 'connector' | 'chain';
  part: 'connector' | 'transform';
}

/** Undefined for types that are no source. */
export const placeOf = (type: string): Place | undefined => places[type];

const places: Record<string, Place> = {
  datasource: { kind: 'connector', part: 'connector' },
  download: { kind: 'chain', part: 'connector' },
  transform: { kind: 'chain', part: 'transform' },
};

interface Found {
  id: number;
  /** Version that stands there now. */
  major: number | null;
}

const columnsOf = ({ part }: Place) => ({
  id: sql.ref(`${part}_id`),
  major: sql.ref(`${part}_major`),
});

async function findOwn(
  db: Work,
  version: PlatformVersion,
  site: number,
  place: Place,
): Promise<Found | undefined> {
  const columns = columnsOf(place);
  const { rows } = await sql<Found>`
    SELECT id, ${columns.major} AS major FROM data_sources
    WHERE site_id = ${site} AND kind = ${place.kind} AND ${columns.id} = ${version.connectorId}
    ORDER BY "order", id LIMIT 1`.execute(db);
  return rows[0];
}

/** A chain that lacks this half. */
async function findOpenChain(db: Work, site: number, place: Place): Promise<Found | undefined> {
  if (place.kind !== 'chain') return undefined;
  const { rows } = await sql<Found>`
    SELECT id, NULL AS major FROM data_sources
    WHERE site_id = ${site} AND kind = 'chain' AND ${columnsOf(place).id} IS NULL
    ORDER BY "order", id LIMIT 1`.execute(db);
  return rows[0];
}

async function takePlace(
  context: Context & { db: Work },
  found: Found,
  version: PlatformVersion,
  place: Place,
): Promise<number> {
  const { db } = context;
  const columns = columnsOf(place);
  await sql`
    UPDATE data_sources SET ${columns.id} = ${version.connectorId}, ${columns.major} = ${version.major}, updated_at = now()
    WHERE id = ${found.id} AND (${columns.id}, ${columns.major}) IS DISTINCT FROM (${version.connectorId}::uuid, ${version.major}::integer)`.execute(
    db,
  );
  if (found.major !== null && found.major !== version.major) await carryValues(context, found, version);
  return found.id;
}

/** A version that has no values of its own here starts with those of the one before. */
async function carryValues(
  { db, services }: Context & { db: Work },
  { id, major }: Found,
  version: PlatformVersion,
): Promise<void> {
  const { rows } = await sql<{ command_option: string; value: string | null; sealed: string | null }>`
    SELECT command_option, value, sealed FROM form_values
    WHERE data_source_id = ${id} AND connector_id = ${version.connectorId} AND major = ${major}
      AND NOT EXISTS (SELECT 1 FROM form_values o WHERE o.data_source_id = ${id}
        AND o.connector_id = ${version.connectorId} AND o.major = ${version.major})`.execute(db);
  for (const row of rows) {
    // Sealed anew: an entry of the vault belongs to one value.
    const sealed =
      row.sealed === null
        ? null
        : await services.vault.put(db, 'form-value', await services.vault.open(db, row.sealed));
    await db
      .insertInto('form_values')
      .values({
        id: newId(),
        data_source_id: id,
        connector_id: version.connectorId,
        major: version.major,
        command_option: row.command_option,
        value: row.value,
        sealed,
      })
      .execute();
  }
}

async function insert(
  db: Work,
  version: PlatformVersion,
  site: number,
  place: Place,
  paused: boolean,
): Promise<number> {
  const { id } = await db
    .insertInto('data_sources')
    .values({
      site_id: site,
      name: await freeName(db, site, version.name),
      kind: place.kind,
      status: paused ? 'paused' : 'active',
      order: await nextOrder(db, site),
      ...(place.part === 'connector'
        ? { connector_id: version.connectorId, connector_major: version.major }
        : { transform_id: version.connectorId, transform_major: version.major }),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Names are unique on a site: `Shop`, `Shop 2`, `Shop 3`. */
async function freeName(db: Work, site: number, name: string): Promise<string> {
  const rows = await db.selectFrom('data_sources').select('name').where('site_id', '=', site).execute();
  const taken = new Set(rows.map((row) => row.name));
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name.slice(0, 250)} ${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}
