import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** Result of looking a program up as execvp(3) would. */
export type Lookup =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'failed'; readonly cause: string };

/**
 * Looks a program up: a word with a slash relative to the working folder, any other in the folders of `path`.
 *
 * @param toHost translates a path as the connector sees it into one of this machine; null: not visible to it
 */
export function lookupProgram(
  word: string,
  path: string,
  workingFolder: string,
  toHost: (path: string) => string | null = (same) => same,
): Lookup {
  const candidates = word.includes('/')
    ? [resolve(workingFolder, word)]
    : path
        .split(delimiter)
        .filter((folder) => isAbsolute(folder))
        .map((folder) => join(folder, word));
  let refused: string | null = null;
  for (const candidate of word === '' ? [] : candidates) {
    const host = toHost(candidate);
    const problem = host === null ? 'missing' : (problemOf(host) ?? interpreterProblem(host, toHost));
    if (problem === null) return { kind: 'found', path: candidate };
    if (problem !== 'missing') refused ??= problem;
  }
  return refused === null ? { kind: 'not-found' } : { kind: 'failed', cause: refused };
}

function problemOf(path: string): 'missing' | string | null {
  try {
    const info = statSync(path);
    if (info.isDirectory()) return 'it is a directory';
    accessSync(path, constants.X_OK);
    // The superuser may "execute" everything in the eyes of access(2), but not start a file without any x.
    return (info.mode & 0o111) === 0 ? 'permission denied' : null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'permission denied';
  }
}

/** A script whose `#!` names nothing: the system says only "not found" then, as if the script itself were missing. */
function interpreterProblem(path: string, toHost: (path: string) => string | null): string | null {
  const start = Buffer.alloc(256);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  const interpreter = /^#![ \t]*(\/[^\s\0]*)/.exec(start.toString('latin1'))?.[1];
  if (interpreter === undefined) return null;
  const host = toHost(interpreter);
  return host !== null && problemOf(host) === null ? null : 'its interpreter was not found';
}

/** Absolute, link-free path of a program in PATH, or null. */
export function findProgram(name: string, path: string): string | null {
  const found = lookupProgram(name, path, '/');
  return found.kind === 'found' ? realpathSync(found.path) : null;
}
