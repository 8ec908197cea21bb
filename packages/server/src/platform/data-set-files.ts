import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
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

/** The file of a data set of the site, or of the present one; null when there is none. */
export async function dataSetFile(
  { db, services }: Pick<Context, 'db' | 'services'>,
  site: number,
  id: number | null,
): Promise<{ id: number; path: string; columns: string[] } | null> {
  const row = await db
    .selectFrom('data_sets as d')
    .innerJoin('sites as s', 's.id', 'd.site_id')
    .select(['d.id', 'd.path', 'd.columns'])
    .where('s.id', '=', site)
    .where((where) => (id === null ? where('d.id', '=', where.ref('s.data_set')) : where('d.id', '=', id)))
    .executeTakeFirst();
  if (!row) return null;
  const folder = await dataSetFolder(services.storage, site);
  return { id: row.id, path: join(folder, row.path), columns: row.columns as string[] };
}

/** Removes all files of a site that is gone. */
export const removeDataSets = (storage: Storage, site: number): Promise<void> =>
  storage.remove('data-sets', String(site));
