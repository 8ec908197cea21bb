import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { insertRun } from '../runs/new-run.ts';
import { findDeployedOnSite } from '../versions/deployed.ts';
import { openFormValues } from './form-values.ts';
import type { PlatformSite } from './gateway.ts';
import { dataSourcePlace } from './places.ts';
import { newStep, type Step } from './steps.ts';

/** A source as a process works on it. */
export interface Source {
  id: number;
  name: string;
  kind: 'connector' | 'chain' | 'file';
  role: 'main' | 'additional';
  status: 'active' | 'paused';
  onFailure: 'keep' | 'fail';
  connector: { id: string; major: number } | null;
  transform: { id: string; major: number } | null;
  keyColumn: string | null;
  matchColumn: string | null;
  join: 'fill' | 'overwrite';
  prefix: string | null;
  /** Rows of the last good import, and the run that wrote them. */
  rows: number | null;
  lastRun: string | null;
}

interface Row extends Omit<Source, 'connector' | 'transform'> {
  connectorId: string | null;
  connectorMajor: number | null;
  transformId: string | null;
  transformMajor: number | null;
}

/** The sources of a site, in the order in which they are merged. */
export async function sourcesOf(context: Pick<Context, 'db'>, site: number): Promise<Source[]> {
  const { rows } = await sql<Row>`
    SELECT id, name, kind, role, status, on_failure AS "onFailure", connector_id AS "connectorId",
      connector_major AS "connectorMajor", transform_id AS "transformId", transform_major AS "transformMajor",
      key_column AS "keyColumn", match_column AS "matchColumn", "join", prefix, rows, last_run AS "lastRun"
    FROM data_sources WHERE site_id = ${site} ORDER BY "order", id`.execute(context.db);
  return rows.map(({ connectorId, connectorMajor, transformId, transformMajor, ...rest }) => ({
    ...rest,
    connector: part(connectorId, connectorMajor),
    transform: part(transformId, transformMajor),
  }));
}

const part = (id: string | null, major: number | null) =>
  id !== null && major !== null ? { id, major } : null;

/**
 * Freezes what an import does: its steps, and a queued run for each connector of an active source with the
 * configuration, digest and form values of this moment. Later changes count from the next process on.
 */
export function planImport(
  context: Context,
  processId: string,
  site: PlatformSite,
  sources: readonly Source[],
): Promise<Step[]> {
  return inTransaction(context, async (work) => {
    const steps: Step[] = [];
    for (const source of sources) steps.push(...(await sourceSteps(work, processId, site, source)));
    steps.push(newStep({ kind: 'merge', id: null, name: 'Merge' }));
    if (await hasGuard(work.db, site.id))
      steps.push(newStep({ kind: 'guard', id: null, name: 'Shrink guard' }));
    steps.push(newStep({ kind: 'take-over', id: null, name: 'Take-over' }));
    await work.db
      .updateTable('processes')
      .set({ steps: JSON.stringify(steps) })
      .where('id', '=', processId)
      .execute();
    return steps;
  });
}

async function hasGuard(db: Work, site: number): Promise<boolean> {
  const row = await db.selectFrom('sites').select('shrink_guard').where('id', '=', site).executeTakeFirst();
  return row?.shrink_guard != null;
}

/** One step for each connector of the source: a chain of two has two, and the second waits for the first. */
async function sourceSteps(
  work: Context & { db: Work },
  processId: string,
  site: PlatformSite,
  source: Source,
): Promise<Step[]> {
  const step = { kind: 'source', id: source.id, name: source.name } as const;
  // A paused source is not run and contributes its last good rows.
  if (source.status === 'paused') return [newStep({ ...step, status: 'kept', 'rows-out': source.rows })];
  const parts = [source.connector, source.transform].filter((part) => part !== null);
  if (parts.length === 0) return [newStep(step)];
  const steps: Step[] = [];
  for (const { id, major } of parts) {
    const version = await findDeployedOnSite(work.db, id, major, site.id);
    if (!version) {
      steps.push(newStep({ ...step, error: 'Connector is not available for this site.' }));
      continue;
    }
    const owner = { dataSource: source.id, connectorId: id, major };
    const values = await openFormValues(work.db, work.services.vault, owner);
    const run = await insertRun(work, {
      version,
      site,
      processId,
      stage: 'import',
      place: dataSourcePlace(source.id),
      values,
      manual: false,
    });
    steps.push(newStep({ ...step, run }));
  }
  return steps;
}
