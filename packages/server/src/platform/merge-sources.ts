import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataSet, type OutputDescription } from '@slipway/records';
import type { Context } from '../context.ts';
import { noRows, runRows } from '../runs/read-rows.ts';
import { dataSetFolder } from './data-set-files.ts';
import { duckDbOf } from './duckdb.ts';
import type { ClaimedProcess, UsedSource } from './import-parts.ts';
import { prefixRows } from './prefix-rows.ts';
import { sampleOutput } from './sample-products.ts';

/** The merged rows of all sources, as a file that no data set names yet. */
export interface MergedFile {
  /** Name in the site's folder of data sets. */
  name: string;
  columns: readonly string[];
  rows: number;
  /** Rows of all sources together. */
  rowsRead: number;
}

/**
 * Main sources append in their order, rows as written (product.md 4.3): their files follow each other, and the columns
 * are the union in order of first appearance. Repeated for the same process, the file is replaced.
 */
export async function mergeSources(
  context: Context,
  process: ClaimedProcess,
  used: readonly UsedSource[],
): Promise<MergedFile> {
  const name = `${process.id}.parquet`;
  const folder = await dataSetFolder(context.services.storage, process.site);
  const idColumn = await idColumnOf(context, process.site);
  const staged: string[] = [];
  try {
    const parts: OutputDescription[] = [];
    for (const [index, { source, run }] of used.entries()) {
      const rows = await rowsOf(context, source.kind, run);
      if (source.prefix === null) parts.push(rows);
      else {
        const path = join(folder, `${process.id}.${index}.ndjson`);
        staged.push(path);
        parts.push(
          await prefixRows(rows, path, { prefix: source.prefix, key: source.keyColumn ?? idColumn }),
        );
      }
    }
    const merged = follow(parts);
    const rows = await loadDataSet(duckDbOf(context.services), merged, join(folder, name));
    return { name, columns: merged.columns, rows, rowsRead: merged.rows };
  } finally {
    for (const path of staged) await rm(path, { force: true });
  }
}

/** One description of rows that follow each other. */
const follow = (parts: readonly OutputDescription[]): OutputDescription => ({
  files: parts.flatMap(({ files }) => files),
  columns: [...new Set(parts.flatMap(({ columns }) => columns))],
  rows: parts.reduce((sum, { rows }) => sum + rows, 0),
  bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  longestLine: Math.max(0, ...parts.map(({ longestLine }) => longestLine)),
});

async function idColumnOf({ db }: Context, site: number): Promise<string | null> {
  const row = await db.selectFrom('sites').select('id_column').where('id', '=', site).executeTakeFirst();
  return row?.id_column ?? null;
}

async function rowsOf(context: Context, kind: string, run: string | null): Promise<OutputDescription> {
  if (kind === 'file') return sampleOutput();
  return run === null ? noRows : runRows(context, run, 'output');
}
