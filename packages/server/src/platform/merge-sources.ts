import { join } from 'node:path';
import type { Context } from '../context.ts';
import { runRows } from '../runs/read-rows.ts';
import { dataSetFolder } from './data-set-files.ts';
import { mergeFiles } from './data-set-io.ts';
import type { UsedSource } from './import-site.ts';
import type { ClaimedProcess } from './process-worker.ts';
import { samplePath } from './sample-products.ts';

/** The merged rows of all sources, as a file that no data set names yet. */
export interface MergedFile {
  /** Name in the site's folder of data sets. */
  name: string;
  columns: readonly string[];
  rows: number;
  /** Rows of all sources together. */
  rowsRead: number;
}

export async function mergeSources(
  context: Context,
  process: ClaimedProcess,
  used: readonly UsedSource[],
): Promise<MergedFile> {
  const name = `${process.id}.parquet`;
  const parts = await Promise.all(
    used.map(async ({ source, run }) =>
      source.kind === 'file'
        ? { files: [samplePath], columns: ['id', 'title', 'price'], rows: 20 }
        : run === null
          ? { files: [], columns: [], rows: 0 }
          : runRows(context, run, 'output'),
    ),
  );
  const folder = await dataSetFolder(context.services.storage, process.site);
  const { rows, columns } = await mergeFiles(parts, join(folder, name));
  return { name, columns, rows, rowsRead: parts.reduce((sum, part) => sum + part.rows, 0) };
}
