import { chmod, lstat, mkdir, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes the exchange folder: every user of the image may write there (container-api.md 8.6). */
export async function prepareExchangeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
}

/**
 * Disk space below a folder in bytes, as allocated: a sparse file counts with what it really takes. Links are not
 * followed.
 */
export async function folderBytes(folder: string, cancelled: () => boolean = () => false): Promise<number> {
  let bytes = 0;
  const entries = await opendir(folder).catch(() => null);
  if (!entries) return 0;
  for await (const entry of entries) {
    if (cancelled()) return bytes;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      bytes += await folderBytes(path, cancelled);
    } else {
      const info = await lstat(path).catch(() => null);
      bytes += (info?.blocks ?? 0) * 512;
    }
  }
  return bytes;
}
