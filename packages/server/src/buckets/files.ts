import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../storage/storage.ts';

/** A file of a bucket. */
export interface BucketFile {
  /** Relative to the bucket, parts joined with `/`. */
  path: string;
  sizeBytes: number;
  updatedAt: Date;
}

/** Where the files of a bucket lie. */
const folderOf = (storage: Storage, bucketId: string): Promise<string> => storage.folder('buckets', bucketId);

/** How many files a bucket has, and their sizes together. */
export async function bucketUsage(
  storage: Storage,
  bucketId: string,
): Promise<{ files: number; sizeBytes: number }> {
  const root = await folderOf(storage, bucketId);
  const usage = { files: 0, sizeBytes: 0 };
  for await (const path of pathsBelow(root, '', '')) {
    const file = await describe(root, path);
    if (!file) continue;
    usage.files += 1;
    usage.sizeBytes += file.sizeBytes;
  }
  return usage;
}

/**
 * A slice of a bucket's files, by path.
 *
 * @param prefix what the paths start with
 * @param after path behind which the slice begins; null: at `skip`
 * @returns the files, whether more follow, and how many match at all
 */
export async function bucketFiles(
  storage: Storage,
  bucketId: string,
  { prefix, after, skip, limit }: { prefix: string; after: string | null; skip: number; limit: number },
): Promise<{ files: BucketFile[]; more: boolean; total: number }> {
  const root = await folderOf(storage, bucketId);
  const paths: string[] = [];
  let total = 0;
  for await (const path of pathsBelow(root, '', prefix)) {
    total += 1;
    const wanted = after === null ? total > skip : path > after;
    if (wanted && paths.length <= limit) paths.push(path);
  }
  const files = await Promise.all(paths.slice(0, limit).map((path) => describe(root, path)));
  return { files: files.filter((file) => file !== null), more: paths.length > limit, total };
}

export const removeBucketFiles = (storage: Storage, bucketId: string): Promise<void> =>
  storage.remove('buckets', bucketId);

/**
 * The paths of all files below a folder in ascending order. One folder's names are held at a time, so that memory does
 * not grow with the bucket. Links are no files: they could lead out of the bucket.
 */
async function* pathsBelow(root: string, folder: string, prefix: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(ignoreMissing);
  const names = (entries ?? [])
    .filter((entry) => entry.isFile() || entry.isDirectory())
    // A folder sorts as the paths in it do: `a-b` comes before `a/b`.
    .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const path of names) {
    if (path.endsWith('/')) {
      if (path.startsWith(prefix) || prefix.startsWith(path)) yield* pathsBelow(root, path, prefix);
    } else if (path.startsWith(prefix)) yield path;
  }
}

/** Null when the file was deleted since its name was read. */
async function describe(root: string, path: string): Promise<BucketFile | null> {
  const found = await stat(join(root, path)).catch(ignoreMissing);
  return found ? { path, sizeBytes: found.size, updatedAt: found.mtime } : null;
}

function ignoreMissing(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}
