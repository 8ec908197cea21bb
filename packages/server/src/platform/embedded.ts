import { readDataSetValues } from '@slipway/records';
import { sql } from 'kysely';
import type { Caller } from '../caller.ts';
import { connectorFlow } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import type { Vault } from '../secrets/vault.ts';
import type { Services } from '../services.ts';
import { insertProject } from './accounts.ts';
import { assignToSite } from './assign.ts';
import { giveChannels } from './channel-store.ts';
import { keepChannels } from './channels.ts';
import { dataSetFile } from './data-set-files.ts';
import { duckDbOf } from './duckdb.ts';
import { openFormValues } from './form-values.ts';
import type { Platform, PlatformSite, PlatformVersion } from './gateway.ts';
import { keepLegacyExecutable } from './legacy-executables.ts';
import { forgetSwitches, switchBack, switchLegacy } from './legacy-switch.ts';
import { moveMemberships } from './move-memberships.ts';
import { moveSites } from './move-sites.ts';
import { removeReadNotifications } from './old-notifications.ts';
import { dataSourcePlace, findPlaces, sitePlace, sitesNamed, sitesOutside } from './places.ts';
import { queueProcess } from './queue-process.ts';
import { removeVersion } from './remove-version.ts';
import { rightAt } from './rights.ts';
import { describeSample } from './sample-products.ts';
import { findSite } from './subjects.ts';
import { addEvents, addNotifications } from './take-messages.ts';
import { listUses, runsInUse, sitesUsing } from './uses.ts';

const projectName = 'Connector development';

/** Types whose connectors read rows, so that an empty dev site would be of no use to them. */
const readers: readonly string[] = ['export', 'export-delta', 'data-service', 'write'];

/**
 * The platform that comes with Slipway, behind the gateway.
 *
 * @param services what it works with; it is one of them itself, so they are asked for only when there is work
 */
export function embeddedPlatform(services: () => Services): Platform {
  const inside = <C extends Caller>(caller: C): C & Context => ({ ...caller, services: services() });
  return {
    accountExists: (db, account) => exists(db, sql`accounts WHERE id = ${account}`),
    projectBelongsTo: (db, project, account) =>
      exists(db, sql`projects WHERE id = ${project} AND account_id = ${account}`),
    siteBelongsTo: (db, site, project) =>
      // Kept until the transaction ends: a site that becomes a dev site is not deleted meanwhile.
      exists(db, sql`sites WHERE id = ${site} AND project_id = ${project} FOR KEY SHARE`),
    ensureProject,
    createSite,
    ensureConnector,
    async assign(caller, version, site) {
      const flow = await connectorFlow(caller.db, version.connectorId);
      return assignToSite(inside(caller), version, site, { paused: flow === 'standalone' });
    },
    removeVersion,
    moveMemberships,
    giveChannels,
    setBinned,
    findPlaces,
    sitesOutside,
    sitesNamed,
    sitesUsing,
    listUses,
    moveSites: (caller, move, sites) => moveSites(inside(caller), move, sites),
    keepChannels,
    keepLegacyExecutable,
    switchLegacy: (db, version, executable, fields) =>
      switchLegacy({ db, services: services() }, version, executable, fields),
    switchBack,
    forgetSwitches,
    findSite: describeSite,
    rightOnSite,
    formValues: ({ db }, site, version) => formValues(db, services().vault, site, version),
    placeOf,
    addNotifications,
    addEvents,
    removeReadNotifications,
    runsInUse,
    queueRun: (caller, site) => queueProcess(inside(caller), { site, action: 'run', trigger: 'run' }),
    dropQueuedRun,
    presentRows: (db, site) => presentRows({ db, services: services() }, site),
  };
}

async function exists(db: Work, from: ReturnType<typeof sql>): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM ${from}`.execute(db);
  return rows.length > 0;
}

/** The account is locked, so that two synchronizations at once make one project. */
async function ensureProject(db: Work, account: number): Promise<number> {
  await sql`SELECT 1 FROM accounts WHERE id = ${account} FOR UPDATE`.execute(db);
  const found = await db
    .selectFrom('projects')
    .select('id')
    .where('account_id', '=', account)
    .where('name', '=', projectName)
    .orderBy('id')
    .executeTakeFirst();
  return found?.id ?? insertProject(db, account, projectName);
}

async function createSite(db: Work, project: number, version: PlatformVersion): Promise<number> {
  const { id } = await db
    .insertInto('sites')
    .values({ project_id: project, name: `${version.name} dev`, id_column: 'id' })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (readers.includes(version.type)) await addSample(db, id);
  return id;
}

async function addSample(db: Work, site: number): Promise<void> {
  const sample = await describeSample();
  await sql`
    INSERT INTO data_sources (site_id, name, kind, "order", file)
    VALUES (${site}, 'Sample products', 'file', 1, json_build_object(
      'name', ${sample.name}::text, 'format', ${sample.format}::text, 'size-bytes', ${sample['size-bytes']}::integer,
      'rows', ${sample.rows}::integer, 'uploaded-at', wire_time(now())))`.execute(db);
}

async function ensureConnector(
  db: Work,
  version: PlatformVersion,
  environment: 'dev' | 'prod',
): Promise<number> {
  const { id } = await db
    .insertInto('platform_connectors')
    .values({
      connector_id: version.connectorId,
      version_id: version.versionId,
      major: version.major,
      type: version.type,
      name: version.name,
      environment,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['version_id', 'environment'])
        .doUpdateSet({ name: version.name, updated_at: sql`now()` }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Only what the bin paused goes on again; what somebody paused by hand stays paused. */
async function setBinned(db: Work, connectorId: string, binned: boolean): Promise<void> {
  await sql`
    UPDATE data_sources SET status = ${binned ? 'paused' : 'active'}, paused_by_bin = ${binned}, updated_at = now()
    WHERE (connector_id = ${connectorId} OR transform_id = ${connectorId})
      AND ${binned ? sql`status = 'active'` : sql`paused_by_bin`}`.execute(db);
}

async function describeSite(db: Database, site: number): Promise<PlatformSite | null> {
  const row = await db
    .selectFrom('sites as s')
    .innerJoin('projects as p', 'p.id', 's.project_id')
    .innerJoin('accounts as a', 'a.id', 'p.account_id')
    .select([
      's.id',
      's.name',
      'p.id as projectId',
      'p.name as projectName',
      'a.id as accountId',
      'a.name as accountName',
    ])
    .where('s.id', '=', site)
    .executeTakeFirst();
  return row ?? null;
}

async function rightOnSite({ db, actor }: Caller, id: number) {
  const site = await findSite({ db }, id);
  if (!site) return 'none';
  return rightAt(db, actor, {
    account: site.accountId,
    project: site.projectId,
    site: site.id,
  });
}

/** The values of the first source that uses the connector, in the form of that version. */
async function formValues(
  db: Database,
  vault: Vault,
  site: number,
  { connectorId, major }: { connectorId: string; major: number },
): Promise<Record<string, string>> {
  const source = await sourceUsing(db, site, connectorId);
  return source === null ? {} : openFormValues(db, vault, { dataSource: source, connectorId, major });
}

async function placeOf(db: Database, site: number, connectorId: string): Promise<string> {
  const source = await sourceUsing(db, site, connectorId);
  return source === null ? sitePlace(site) : dataSourcePlace(source);
}

/** The first data source of a site that uses the connector. */
async function sourceUsing(db: Database, site: number, connectorId: string): Promise<number | null> {
  const source = await db
    .selectFrom('data_sources')
    .select('id')
    .where('site_id', '=', site)
    .where((where) =>
      where.or([where('connector_id', '=', connectorId), where('transform_id', '=', connectorId)]),
    )
    .orderBy('order')
    .orderBy('id')
    .executeTakeFirst();
  return source?.id ?? null;
}

async function dropQueuedRun(db: Work, processId: string): Promise<void> {
  await db
    .updateTable('processes')
    .set({ status: 'failed', reason: 'cancelled', cancel_requested: true, finished_at: sql`now()` })
    .where('id', '=', processId)
    .where('action', '=', 'run')
    .where('status', '=', 'queued')
    .execute();
}

async function presentRows(context: Pick<Context, 'db' | 'services'>, site: number) {
  const file = await dataSetFile(context, site, null);
  return file && { columns: file.columns, rows: readDataSetValues(duckDbOf(context.services), file.path) };
}
