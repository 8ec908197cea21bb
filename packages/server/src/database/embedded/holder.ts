import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { processIdentity } from './processes.ts';

interface Holder {
  pid: number;
  identity: string;
  host: string;
  since: string;
}

/**
 * Takes the home folder for this process; of two servers on one home the second is refused. The mark of a process that
 * died without giving the folder back is no obstacle.
 *
 * @param file where the mark stands
 * @param home the folder as the user knows it, for the error
 * @returns gives the folder back
 * @throws when a living process holds the folder; the error names both
 */
export async function takeHome(file: string, home: string): Promise<() => Promise<void>> {
  const mark: Holder = {
    pid: process.pid,
    identity: (await processIdentity(process.pid)) ?? '',
    host: hostname(),
    since: new Date().toISOString(),
  };
  const own = `${file}.${randomUUID()}`;
  // A complete file is linked into place, so that nobody reads half a mark.
  await writeFile(own, JSON.stringify(mark), { mode: 0o600 });
  try {
    while (!(await linkIfFree(own, file))) {
      const text = await readFile(file, 'utf8').catch(() => null);
      if (text === null) continue;
      const holder = parse(text);
      if (holder !== null && holder.identity === (await processIdentity(holder.pid))) {
        throw new Error(
          `Another Slipway uses the folder ${home}: process ${holder.pid}, since ${holder.since}. ` +
            'Stop it first, or give this one a folder of its own with SLIPWAY_HOME.',
        );
      }
      await removeStale(file, text);
    }
  } finally {
    await rm(own, { force: true });
  }
  return async () => {
    const current = parse(await readFile(file, 'utf8').catch(() => ''));
    if (current?.pid === mark.pid && current.since === mark.since) await rm(file, { force: true });
  };
}

async function linkIfFree(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Between reading and removing, another server may have taken over: then what was moved away is put back. */
async function removeStale(file: string, expected: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== expected) await linkIfFree(aside, file);
  await rm(aside, { force: true });
}

function parse(text: string): Holder | null {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return null;
  }
}
