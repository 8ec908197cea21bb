import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What besides the files decides about a bundle. */
export interface DigestInput {
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** How dependencies are installed; another recipe is another bundle. */
  readonly recipe: readonly (readonly string[])[];
}

/**
 * Digest of a checkout: paths, kinds, the executable bit and contents of all files, links as links, plus what else
 * decides about the bundle. Times, owners and the order of the disk do not count, and neither does what an
 * installation brings along: the same commit with the same configuration has the same digest on machines of a kind.
 *
 * @returns `sha256:<64 hex digits>`
 */
export async function checkoutDigest(folder: string, input: DigestInput): Promise<string> {
  const hash = createHash('sha256');
  // Every part is written with its length, so that no two different inputs make the same bytes.
  const add = (...parts: string[]) => {
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part},`);
  };
  const environment = Object.entries(input.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  add('slipway-bundle-1', process.platform, process.arch, input.directory, JSON.stringify(environment));
  add(JSON.stringify(input.recipe));
  for (const path of await listFiles(folder, '')) {
    const info = await lstat(join(folder, path));
    if (info.isSymbolicLink()) {
      add('link', path, await readlink(join(folder, path)));
    } else {
      add((info.mode & 0o100) !== 0 ? 'program' : 'file', path, String(info.size));
      for await (const chunk of createReadStream(join(folder, path))) hash.update(chunk as Buffer);
    }
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Files and links below a folder, relative, in byte order. */
async function listFiles(root: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(root, prefix), { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await listFiles(root, path)));
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
  }
  return prefix === '' ? found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) : found;
}

/** Folders and files that git keeps in a working tree, submodules included. */
export async function gitLeftovers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name === '.git') found.push(path);
    else if (entry.isDirectory()) found.push(...(await gitLeftovers(path)));
  }
  return found;
}
