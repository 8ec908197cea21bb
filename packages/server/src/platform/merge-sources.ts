import { join } from 'node:path';
import { type Merged, mergeDataSets, type OutputDescription, type SourceCounts } from '@slipway/records';
import type { Context } from '../context.ts';
import { noRows, runRows } from '../runs/read-rows.ts';
import { dataSetFolder } from './data-set-files.ts';
import { duckDbOf } from './duckdb.ts';
import type { ClaimedProcess, UsedSource } from './import-parts.ts';
import { sampleOutput } from './sample-products.ts';

/** The merged rows of all sources, as a file that no data set names yet. */
export interface MergedFile extends Pick<Merged, 'columns' | 'rows'> {
  /** Name in the site's folder of data sets. */
  name: string;
  /** Rows of all sources together. */
  rowsRead: number;
  /** What each source brought, in the order of the merge. */
  sources: readonly ({ id: number } & SourceCounts)[];
}

/**
 * Merges the rows of the sources: main ones append in their order, additional ones join (product.md 4.3). Repeated for the
 * same process, the file is replaced.
 *
 * @param signal ends the merge
 */
export async function mergeSources(
  context: Context,
  process: ClaimedProcess,
  used: readonly UsedSource[],
  signal: AbortSignal,
): Promise<MergedFile> {
  const name = `${process.id}.parquet`;
  const folder = await dataSetFolder(context.services.storage, process.site);
  const idColumn = await idColumnOf(context, process.site);
  const read = await Promise.all(
    used.map(async ({ source, run }) => ({ source, rows: await rowsOf(context, source.kind, run) })),
  );
  const main = read.filter(({ source }) => source.role === 'main');
  const joined = read.filter(({ source }) => source.role === 'additional');
  const merged = await mergeDataSets(
    duckDbOf(context.services),
    {
      idColumn,
      main: main.map(({ source, rows }) => ({ rows, prefix: source.prefix })),
      joined: joined.map(({ source, rows }) => ({
        rows,
        prefix: source.prefix,
        key: source.keyColumn ?? idColumn,
        match: source.matchColumn ?? idColumn,
        join: source.join,
      })),
    },
    join(folder, name),
    { signal },
  );
  const counts = [...merged.main, ...merged.joined];
  return {
    name,
    columns: merged.columns,
    rows: merged.rows,
    rowsRead: counts.reduce((sum, { rows }) => sum + rows, 0),
    sources: [...main, ...joined].map(({ source }, index) => ({
      id: source.id,
      ...(counts[index] as SourceCounts),
    })),
  };
}

async function idColumnOf({ db }: Context, site: number): Promise<string | null> {
  const row = await db.selectFrom('sites').select('id_column').where('id', '=', site).executeTakeFirst();
  return row?.id_column ?? null;
}

async function rowsOf(context: Context, kind: string, run: string | null): Promise<OutputDescription> {
  if (kind === 'file') return sampleOutput();
  return run === null ? noRows : runRows(context, run, 'output');
}
