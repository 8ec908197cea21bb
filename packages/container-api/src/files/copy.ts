import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, opendir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blockedOr, openFolder, openInside, type SharedFolder, within } from './anchored.ts';
import { cleanPath } from './clean-path.ts';

/** Bytes that are read and written at once. */
const BLOCK_SIZE = 256 * 1024;
/** For copies that are not given up. */
const NEVER = new AbortController().signal;

/**
 * Copies an opened file to a new file and syncs it.
 *
 * @throws the signal's reason when it is aborted
 */
export async function copyFile(from: FileHandle, to: string, signal: AbortSignal): Promise<void> {
  const file = await open(to, 'wx', 0o600);
  try {
    const block = Buffer.allocUnsafe(BLOCK_SIZE);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await from.read(block, 0, BLOCK_SIZE, null);
      if (bytesRead === 0) break;
      await file.writeFile(block.subarray(0, bytesRead));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Copies an opened folder with everything below it to a new folder. Links are followed inside, those that lead out are
 * skipped.
 *
 * @throws the signal's reason when it is aborted
 */
export async function copyFolder(
  shared: SharedFolder,
  path: readonly string[],
  from: FileHandle,
  to: string,
  signal: AbortSignal,
  above: readonly string[] = [],
): Promise<void> {
  const { dev, ino } = await from.stat();
  const identity = `${dev}:${ino}`;
  // A link to a folder above would lead round and round.
  if (above.includes(identity)) return;
  await mkdir(to);
  for await (const { name } of await opendir(within(from, ''))) {
    signal.throwIfAborted();
    const child = [...path, name];
    if (cleanPath(child.join('/')) === null) throw new UnusableNameError();
    const opened = await openInside(shared, child);
    if (!opened) {
      // A name that is no UTF-8 can not be opened; leaving the file out in silence would lose it.
      if (name.includes('\ufffd')) throw new UnusableNameError();
      continue;
    }
    try {
      const target = join(to, name);
      if (opened.isFolder)
        await copyFolder(shared, child, opened.handle, target, signal, [...above, identity]);
      else await copyFile(opened.handle, target, signal);
    } finally {
      await opened.handle.close();
    }
  }
}

/** A file below a folder has a name that no remote file can have. */
export class UnusableNameError extends Error {
  override readonly name = 'UnusableNameError';
}

/**
 * Moves a file, or a folder file by file, to where it is seen. Each file is replaced as a whole.
 *
 * @throws {PathBlockedError}
 */
export async function publish(staged: string, target: string): Promise<void> {
  try {
    if ((await lstat(staged)).isDirectory()) {
      await mkdir(target, { recursive: true });
      for await (const { name } of await opendir(staged))
        await publish(join(staged, name), join(target, name));
      return;
    }
    await renameInto(staged, target);
  } catch (error) {
    throw blockedOr(error);
  }
}

/**
 * Gives a file its place in one step. Where that is on another file system, or behind another mount as in containers, the
 * file is first copied to a name beside it.
 */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const beside = join(dirname(to), `.${randomUUID()}.slipway`);
    const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      await copyFile(source, beside, NEVER);
      await chmod(beside, (await source.stat()).mode & 0o777);
      await rename(beside, to);
    } finally {
      await source.close();
      await rm(beside, { force: true });
    }
    await rm(from);
  }
}

/** Tries so often while folders that have become empty are removed at the same time. */
const TRIES = 10;

async function renameInto(staged: string, target: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(dirname(target), { recursive: true });
    try {
      await moveFile(staged, target);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === TRIES) throw error;
    }
  }
}

/** Bytes of all files below a folder that is shared; links count nothing. */
export async function bytesInside(folder: FileHandle): Promise<number> {
  let bytes = 0;
  for await (const { name } of await opendir(within(folder, ''))) {
    const info = await lstat(within(folder, name)).catch(() => null);
    if (info?.isFile()) bytes += info.size;
    if (!info?.isDirectory()) continue;
    const child = await openFolder(within(folder, name));
    try {
      if (child) bytes += await bytesInside(child);
    } finally {
      await child?.close();
    }
  }
  return bytes;
}
