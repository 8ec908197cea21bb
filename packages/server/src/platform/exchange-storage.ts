import { access, cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import type { Services } from '../services.ts';

/** Folder of the exchange storage of a source: `files` are those of its last successful download. */
const folderOf = ({ storage }: Pick<Services, 'storage'>, source: number): Promise<string> =>
  storage.folder('exchange', String(source));

/** The files with which the second half of a chain starts; null when there are none yet. */
export async function exchangeOf(
  services: Pick<Services, 'storage'>,
  source: number,
): Promise<string | null> {
  const files = join(await folderOf(services, source), 'files');
  return access(files).then(
    () => files,
    () => null,
  );
}

/** Makes the exchange folder of a successful run the exchange storage of its source. */
export async function keepExchange(
  services: Pick<Services, 'storage'>,
  source: number,
  run: string,
): Promise<void> {
  const folder = await folderOf(services, source);
  const made = join(folder, `${run}.new`);
  const old = join(folder, `${run}.old`);
  await rm(made, { recursive: true, force: true });
  await cp(runFolder(await services.storage.folder('runs', run)).exchange, made, { recursive: true });
  // Two renames: the storage is the old one, or the new one, or for a moment none; never a mixture.
  await rename(join(folder, 'files'), old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(made, join(folder, 'files'));
  await rm(old, { recursive: true, force: true });
}

/** Removes the exchange storage of sources that are gone. */
export async function removeExchange(
  { storage }: Pick<Services, 'storage'>,
  sources: readonly number[],
): Promise<void> {
  for (const source of sources) await storage.remove('exchange', String(source));
}
