import { mkdir, rm, writeFile } from 'node:fs/promises';
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
  return {
    async folder(...parts) {
      const folder = path(parts);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    async remove(...parts) {
      await rm(path(parts), { recursive: true, force: true });
    },
    async check() {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const probe = join(root, `.probe-${process.pid}`);
      await writeFile(probe, '');
      await rm(probe, { force: true });
    },
  };
}
