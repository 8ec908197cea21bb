import { link, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file below a folder of the storage. */
export interface StoredFile {
  /** Relative to the folder, parts joined with `/`. */
  path: string;
  sizeBytes: number;
  updatedAt: Date;
}

/** How many files a folder holds, and their sizes together. */
export async function usageOf(root: string): Promise<{ files: number; sizeBytes: number }> {
  const usage = { files: 0, sizeBytes: 0 };
  for await (const path of pathsBelow(root)) {
    const file = await describeFile(root, path);
    if (!file) continue;
    usage.files += 1;
    usage.sizeBytes += file.sizeBytes;
  }
  return usage;
}

/**
 * The paths of all files below a folder in ascending order. One folder's names are held at a time, so that memory does
 * not grow with the number of files. Links are no files: they could lead elsewhere.
 *
 * @param prefix only paths that start so
 * @param folder part of the tree to look at; ends with `/`
 */
export async function* pathsBelow(root: string, prefix = '', folder = ''): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(ignoreMissing);
  const names = (entries ?? [])
    .filter((entry) => entry.isFile() || entry.isDirectory())
    // A folder sorts as the paths in it do: `a-b` comes before `a/b`.
    .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const path of names) {
    if (path.endsWith('/')) {
      if (path.startsWith(prefix) || prefix.startsWith(path)) yield* pathsBelow(root, prefix, path);
    } else if (path.startsWith(prefix)) yield path;
  }
}

/**
 * Gives the files below one folder a second name below another one on the same storage. Nobody may write into files that
 * share their content, only replace them.
 */
export async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkFiles(source, target);
    else if (entry.isFile()) await link(source, target);
  }
}

/** Null when the file was deleted since its name was read. */
export async function describeFile(root: string, path: string): Promise<StoredFile | null> {
  const found = await stat(join(root, path)).catch(ignoreMissing);
  return found ? { path, sizeBytes: found.size, updatedAt: found.mtime } : null;
}

function ignoreMissing(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}
