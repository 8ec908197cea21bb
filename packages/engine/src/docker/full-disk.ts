import { statfs } from 'node:fs/promises';
import type Docker from 'dockerode';

/** What the kernel says of it, and with it the daemon, its builder and most programs. */
const WORDS = /no space left on device|disk quota exceeded/i;
/** With less than this nothing can be written down any more, in bytes. */
const FULL_BELOW = 1024 ** 2;

/** Whether somebody complains about a full disk. */
export const tellsOfFullDisk = (text: string): boolean => WORDS.test(text);

/** What is wrong, where, and what to do, for whoever reads the log of a build or run that ended for it. */
export async function fullDiskAdvice(docker: Docker): Promise<string> {
  const folder = await dataFolder(docker);
  const place = folder === null ? '' : ` (${folder})`;
  return `The Docker Engine has no space left for its data${place}. Free some, for instance with "docker builder prune", and try again.`;
}

/** Whether the disk of a daemon is full. False where it can not be seen from here. */
export async function isDiskFull(docker: Docker): Promise<boolean> {
  const folder = await dataFolder(docker);
  const found = folder === null ? null : await statfs(folder).catch(() => null);
  return found !== null && found.bfree * found.bsize < FULL_BELOW;
}

async function dataFolder(docker: Docker): Promise<string | null> {
  const about = (await docker.info().catch(() => null)) as { DockerRootDir?: string } | null;
  return about?.DockerRootDir ?? null;
}
