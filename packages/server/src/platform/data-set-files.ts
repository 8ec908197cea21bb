import { readdir } from 'node:fs/promises';
import type { Database } from '../context.ts';
import type { Storage } from '../storage/storage.ts';

/** How many data sets of a site are kept (product.md 4.5). */
export const keptDataSets = 3;

/** Folder of the data sets of a site; nothing else lies in it. */
export const dataSetFolder = (storage: Storage, site: number): Promise<string> =>
  storage.folder('data-sets', String(site));

/**
 * Removes the files that no data set names: those of data sets that were let go, and what an interrupted take-over
 * left. Only the process that runs on the site may call it. Readers of a removed file read on to its end.
 */
export async function removeUnusedFiles(db: Database, storage: Storage, site: number): Promise<void> {
  const rows = await db.selectFrom('data_sets').select('path').where('site_id', '=', site).execute();
  const used = new Set(rows.map((row) => row.path));
  for (const name of await readdir(await dataSetFolder(storage, site))) {
    if (!used.has(name)) await storage.remove('data-sets', String(site), name);
  }
}
