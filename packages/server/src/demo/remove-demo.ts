import { rm } from 'node:fs/promises';
import type { BackgroundAction, operations } from '@slipway/contract';
import { sql } from 'kysely';
import { lockConnector } from '../connectors/store.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound, Refusal, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { cancelAction } from '../operations/cancel.ts';
import { removeStatesOf } from '../operations/remove-states.ts';
import { removeUnusedOrganization } from '../organizations/delete-organization.ts';
import { removeDataSets } from '../platform/data-set-files.ts';
import { removeSite } from '../platform/delete-site.ts';
import { removeExchange } from '../platform/exchange-storage.ts';
import { cancelProcess } from '../platform/processes.ts';
import { removeUnused } from '../platform/remove-unused.ts';
import { removeRunsOf } from '../runs/remove-runs.ts';
import { removeVersions } from '../versions/delete-version.ts';
import { lockVersions } from '../versions/store.ts';
import { type DemoKind, demoEntities, forgetDemo, lockDemo } from './workspace.ts';

type Entities = ReadonlyMap<DemoKind, readonly string[]>;

/** A connector gets 10 s to end by itself; its process ends after it. */
const stopWithinMs = 20_000;
const lookAgainMs = 200;

/**
 * `DELETE /demo`: what the demo made, and what came of it: builds, runs, rows. What users made stays, so an organization,
 * account or project that holds something of theirs stays too; connectors of the demo leave their sites.
 *
 * @throws 404 without a demo, 400 when its work can not be stopped in time
 */
export const demoRemove: Verb<(typeof operations)['demoRemove']> = async (context) => {
  await stopWork(context, await demoEntities(context.db));
  const left = await inTransaction(context, async (work) => {
    const demo = await lockDemo(work.db);
    if (!demo) throw notFound('Demo');
    const connectors = demo.get('connector') ?? [];
    const sites = await sitesOf(work.db, demo);
    const runs: string[] = [];
    for (const id of connectors) {
      const versions = await lockVersionsOf(work, id);
      if (versions.length > 0) await removeVersions(work, versions);
      await work.db.deleteFrom('connectors').where('id', '=', id).execute();
      runs.push(...(await removeRunsOf(work, id)));
      await removeStatesOf(work.db, id);
    }
    const sources: number[] = [];
    for (const site of sites) sources.push(...(await removeSite(work, site)).sources);
    await removeUnused(work, {
      projects: numbers(demo.get('project')),
      accounts: numbers(demo.get('account')),
      channels: numbers(demo.get('channel')),
    });
    for (const id of demo.get('organization') ?? []) await removeUnusedOrganization(work, id);
    await forgetDemo(work.db);
    await audit(work, { action: 'demo_remove', entity: { type: 'demo', id: 'demo', name: 'Demo' } });
    return { runs, sites, sources, repositories: demo.get('repository') ?? [] };
  });
  // Rows first: a file that is left over harms nobody.
  const { storage } = context.services;
  await removeExchange(context.services, left.sources);
  for (const site of left.sites) await removeDataSets(storage, site);
  for (const run of left.runs) await storage.remove('runs', run);
  for (const path of left.repositories) await rm(path, { recursive: true, force: true });
};

const numbers = (ids: readonly string[] = []): number[] => ids.map(Number);

/** None when the connector has been deleted since. */
async function lockVersionsOf({ db }: { db: Work }, connector: string) {
  const known = await db.selectFrom('connectors').select('id').where('id', '=', connector).executeTakeFirst();
  if (!known) return [];
  await lockConnector(db, connector);
  return lockVersions(db, connector);
}

/**
 * Sites of the demo that are still there, and the dev sites that were made for its connectors; none that connectors of
 * users work on by now.
 */
async function sitesOf(db: Context['db'], demo: Entities): Promise<number[]> {
  const connectors = [...(demo.get('connector') ?? [])];
  const { rows } = await sql<{ id: number }>`
    SELECT s.id FROM sites s
    WHERE (s.id = ANY(${numbers(demo.get('site'))}::integer[]) OR EXISTS (
        SELECT 1 FROM connector_versions v WHERE v.dev_site = s.id AND v.connector_id = ANY(${connectors}::uuid[])))
      AND NOT EXISTS (
        SELECT 1 FROM connector_versions v WHERE v.dev_site = s.id AND v.connector_id <> ALL(${connectors}::uuid[]))
    ORDER BY s.id`.execute(db);
  return rows.map(({ id }) => id);
}

/** Cancels builds, synchronizations and processes of the demo, and waits until they are over. */
async function stopWork(context: Context, demo: Entities): Promise<void> {
  const connectors = [...(demo.get('connector') ?? [])];
  const pending = await context.db
    .selectFrom('states')
    .select(['id', 'name'])
    .where('status', '=', 'pending')
    .where(sql<boolean>`connector_id = ANY(${connectors}::uuid[])`)
    .execute();
  for (const { id, name } of pending) {
    await cancelAction(
      context,
      { id, name: name as BackgroundAction },
      {
        operation: 'state_cancel',
        resource: 'state',
      },
    ).catch(ignoreOver);
  }
  const sites = await sitesOf(context.db, demo);
  const deadline = Date.now() + stopWithinMs;
  for (const asked = new Set<string>(); ; ) {
    const active = await activeProcesses(context, sites, connectors);
    if (active.length === 0) return;
    if (Date.now() > deadline) throw refused('Site is being processed.');
    for (const { id, site, name } of active.filter((process) => !asked.has(process.id))) {
      asked.add(id);
      await cancelProcess(context, { id: site, name }, id).catch(ignoreOver);
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

interface ActiveProcess {
  id: string;
  site: number;
  name: string;
}

/** Processes of the demo's sites, and of other sites as far as they run its connectors. */
async function activeProcesses(
  { db }: Context,
  sites: readonly number[],
  connectors: readonly string[],
): Promise<ActiveProcess[]> {
  const { rows } = await sql<ActiveProcess>`
    SELECT p.id, p.site_id AS site, s.name FROM processes p JOIN sites s ON s.id = p.site_id
    WHERE p.status IN ('queued', 'running') AND (p.site_id = ANY(${[...sites]}::integer[])
      OR EXISTS (SELECT 1 FROM runs r WHERE r.process_id = p.id AND r.connector_id = ANY(${[...connectors]}::uuid[])))`.execute(
    db,
  );
  return rows;
}

/** It ended by itself meanwhile. */
function ignoreOver(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
}
