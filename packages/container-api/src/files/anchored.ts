import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink } from 'node:fs/promises';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
/** Not blocking: a pipe that was swapped in must not hold the call up. */
const FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** Links and `..` of links that are followed in one path. */
const MAX_TURNS = 200;
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG', 'ENXIO', 'EINVAL']);

/** Nothing can be written under a path: a folder, a file or a link is in the way. */
export class PathBlockedError extends Error {
  override readonly name = 'PathBlockedError';
}

/** An opened file or folder. Whoever got it closes it. */
export interface Opened {
  readonly handle: FileHandle;
  readonly isFolder: boolean;
}

/** A folder whose content others may change at any moment, links included. */
export interface SharedFolder {
  readonly root: string;
  /** Absolute paths under which others know it: absolute links that begin so stay inside. */
  readonly knownAs: readonly string[];
}

/**
 * A name in an opened folder. The system begins at the folder itself, wherever its path leads by now, so what is opened
 * name by name without following links can not be outside.
 */
export const within = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

/**
 * Opens a regular file or a folder. Links are followed only while they stay inside.
 *
 * @param segments valid names (`cleanPath`); none: the folder itself
 * @returns null when there is no such thing inside, or it can not be read
 */
export async function openInside(folder: SharedFolder, segments: readonly string[]): Promise<Opened | null> {
  let path: readonly string[] | null = segments;
  for (let turn = 0; path !== null && turn < MAX_TURNS; turn++) {
    try {
      const found: Opened | Turn = await walk(folder, path);
      if ('handle' in found) return found;
      path = found.path;
    } catch (error) {
      if (NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    }
  }
  return null;
}

/** Opens a folder, no link; null when it is not there (any more). */
export async function openFolder(path: string): Promise<FileHandle | null> {
  return await open(path, FOLDER).catch((error: NodeJS.ErrnoException) => {
    if (NOT_THERE.has(error.code ?? '')) return null;
    throw error;
  });
}

/** A path that has to be tried instead; null: it leads nowhere. */
interface Turn {
  readonly path: readonly string[] | null;
}

async function walk(folder: SharedFolder, path: readonly string[]): Promise<Opened | Turn> {
  let at = await open(folder.root, O_RDONLY | O_DIRECTORY);
  let kept = false;
  try {
    let isFolder = true;
    for (const [index, name] of path.entries()) {
      const [before, after] = [path.slice(0, index), path.slice(index + 1)];
      if (name === '..') return { path: index === 0 ? null : [...before.slice(0, -1), ...after] };
      const child = within(at, name);
      const info = await lstat(child);
      if (info.isSymbolicLink()) {
        const target = leadsTo(folder, before, await readlink(child));
        return { path: target && [...target, ...after] };
      }
      isFolder = info.isDirectory();
      if (!isFolder && !info.isFile()) return { path: null };
      const next = await open(child, isFolder ? FOLDER : FILE);
      await at.close();
      at = next;
    }
    const info = await at.stat();
    if (!info.isDirectory() && !info.isFile()) return { path: null };
    kept = true;
    return { handle: at, isFolder };
  } finally {
    if (!kept) await at.close();
  }
}

/** Where a link in a folder leads, with its `..` unresolved; null: outside. */
function leadsTo({ root, knownAs }: SharedFolder, before: readonly string[], target: string) {
  const split = (text: string) => text.split('/').filter((name) => name !== '' && name !== '.');
  if (!target.startsWith('/')) return [...before, ...split(target)];
  const known = [root, ...knownAs].find((path) => target === path || target.startsWith(`${path}/`));
  return known === undefined ? null : split(target.slice(known.length));
}

/**
 * Opens a folder for writing into it, and makes what is missing on the way. Never passes through a link.
 *
 * @param mode permissions of folders that are made
 * @throws {PathBlockedError}
 */
export async function makeInside(
  root: string,
  segments: readonly string[],
  mode: number,
): Promise<FileHandle> {
  let at = await open(root, O_RDONLY | O_DIRECTORY);
  try {
    for (const name of segments) {
      const child = within(at, name);
      const made = await makeFolder(child);
      const next = await open(child, FOLDER);
      // The process' own mask would take permissions away.
      if (made) await next.chmod(mode);
      await at.close();
      at = next;
    }
    return at;
  } catch (error) {
    await at.close();
    throw blockedOr(error);
  }
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The error as {@link PathBlockedError} when something is in the way. */
export function blockedOr(error: unknown): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  const blocked = ['ENOTDIR', 'EISDIR', 'ELOOP', 'EEXIST', 'ENOTEMPTY'].includes(code);
  return blocked ? new PathBlockedError('Something is in the way', { cause: error }) : error;
}
