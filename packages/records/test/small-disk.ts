import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';

/** A file system of its own for one test, that can be full. */
export interface SmallDisk {
  readonly path: string;
  /** Takes the space away, but for so many bytes. */
  fill(left?: number): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

const BLOCK = 4096;

/**
 * Mounts a small disk. Tests skip themselves where this user or machine can not; continuous integration can.
 *
 * @param path where; a new folder when left out
 */
export function smallDisk(context: TestContext, megabytes = 4, path?: string): SmallDisk {
  const folder = path ?? mkdtempSync(join(tmpdir(), 'slipway-disk-'));
  const words = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder];
  try {
    execFileSync('mount', words, { stdio: 'ignore' });
  } catch (error) {
    if (process.env.CI !== undefined) throw error;
    context.skip('no file system can be mounted here');
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
    if (path === undefined) rmSync(folder, { recursive: true, force: true });
  });
  const ballast = join(folder, 'ballast');
  return {
    path: folder,
    async fill(left = 0) {
      const file = await open(ballast, 'a');
      try {
        for (;;) {
          const { bavail, bsize } = statfsSync(folder);
          const room = bavail * bsize - left;
          if (room < BLOCK) return;
          await file.write(Buffer.alloc(Math.min(room - (room % BLOCK), 1024 ** 2)));
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
  };
}
