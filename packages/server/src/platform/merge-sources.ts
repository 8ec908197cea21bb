import { join } from 'node:path';
import type { Context } from '../context.ts';
import { runRows } from '../runs/read-rows.ts';
import { dataSetFolder } from './data-set-files.ts';
import { appendSources, type SourceRows } from './data-set-io.ts';
import type { UsedSource } from './import-site.ts';
import type { ClaimedProcess } from './process-worker.ts';
import { sampleColumns, samplePath, sampleRows } from './sample-products.ts';

/** The merged rows of all sources, as a file that no data set names yet. */
export interface MergedFile {
  /** Name in the site's folder of data sets. */
  name: string;
  columns: readonly string[];
  rows: number;
  /** Rows of all sources together. */
  rowsRead: number;
}

/** Main sources append in their order, rows as written (product.md 4.3). Repeated with the same name, it is replaced. */
export async function mergeSources(
  context: Context,
  process: ClaimedProcess,
  used: readonly UsedSource[],
): Promise<MergedFile> {
  const name = `${process.id}.parquet`;
  const idColumn = await idColumnOf(context, process.site);
  const parts: (SourceRows & { rows: number })[] = [];
  for (const one of used) parts.push(await rowsOf(context, one, idColumn));
  const folder = await dataSetFolder(context.services.storage, process.site);
  const { rows, columns } = await appendSources(parts, join(folder, name));
  return { name, columns, rows, rowsRead: parts.reduce((sum, part) => sum + part.rows, 0) };
}

async function idColumnOf({ db }: Context, site: number): Promise<string | null> {
  const row = await db.selectFrom('sites').select('id_column').where('id', '=', site).executeTakeFirst();
  return row?.id_column ?? null;
}

async function rowsOf(
  context: Context,
  { source, run }: UsedSource,
  idColumn: string | null,
): Promise<SourceRows & { rows: number }> {
  const names = { prefix: source.prefix ?? '', key: source.keyColumn ?? idColumn };
  if (source.kind === 'file')
    return { ...names, files: [samplePath], columns: sampleColumns, rows: sampleRows };
  if (run === null) return { ...names, files: [], columns: [], rows: 0 };
  return { ...names, ...(await runRows(context, run, 'output')) };
}
