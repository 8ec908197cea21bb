import { lstat, mkdir, opendir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from './storage.ts';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Storage in a folder of this machine, shared by the processes that run here. */
export function folderStorage(root: string): Storage {
  const path = (parts: string[]): string => {
    const bad = parts.find((part) => !namePattern.test(part));
    if (parts.length === 0 || bad !== undefined) throw new Error(`Not a storage name: ${bad}`);
    return join(root, ...parts);
  };
  let counted: { at: number; bytes: Promise<number> } | null = null;
  return {
    async folder(...parts) {
      const folder = path(parts);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    async remove(...parts) {
      await rm(path(parts), { recursive: true, force: true });
    },
    async usage() {
      await mkdir(root, { recursive: true, mode: 0o700 });
      if (counted === null || Date.now() - counted.at > 60_000)
        counted = { at: Date.now(), bytes: bytesIn(root) };
      const { bavail, bsize } = await statfs(root);
      return { usedBytes: await counted.bytes, freeBytes: bavail * bsize };
    },
    async check() {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const probe = join(root, `.probe-${process.pid}`);
      await writeFile(probe, '');
      await rm(probe, { force: true });
    },
  };
}

/** Bytes of the files below a folder. What is removed meanwhile does not count. */
async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  const entries = await opendir(folder).catch(() => null);
  if (entries === null) return 0;
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path);
    else if (entry.isFile())
      bytes += await lstat(path).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}
