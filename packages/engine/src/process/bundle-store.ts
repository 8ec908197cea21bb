import { constants } from 'node:fs';
import { access, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from '../child.ts';

/** What is known about a local bundle besides its files. */
export interface BundleRecord {
  /** Variables of the image: `ENV` of the Dockerfile's final stage. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the connector inside the bundle, `''` for its root. */
  readonly directory: string;
  /** Python packages were installed into {@link PYTHON_FOLDER}. */
  readonly python: boolean;
}

/** Where Python packages of a bundle lie, relative to the connector's folder. */
export const PYTHON_FOLDER = '.slipway/python';

/** Bundles by digest: `<work folder>/bundles/<64 hex digits>/{files/, bundle.json}`. */
export class BundleStore {
  readonly #folder: string;

  constructor(workFolder: string) {
    this.#folder = join(workFolder, 'bundles');
  }

  /** Whether a bundle with this digest is complete. */
  async has(digest: string): Promise<boolean> {
    return access(join(this.#path(digest), 'bundle.json')).then(
      () => true,
      () => false,
    );
  }

  /** @throws when there is no such bundle */
  async read(digest: string): Promise<{ files: string; record: BundleRecord }> {
    const path = this.#path(digest);
    const text = await readFile(join(path, 'bundle.json'), 'utf8').catch(() => null);
    if (text === null) throw new Error(`the bundle ${digest} is not on this machine`);
    return { files: join(path, 'files'), record: JSON.parse(text) as BundleRecord };
  }

  /**
   * Moves a finished folder into the store. It is renamed as a whole, so after a crash a bundle is there or not.
   * When another build has stored the same digest meanwhile, that one stays.
   */
  async put(digest: string, files: string, record: BundleRecord): Promise<void> {
    const staging = `${this.#path(digest)}.${process.pid}.${Date.now()}.new`;
    await mkdir(staging, { recursive: true });
    try {
      await rename(files, join(staging, 'files'));
      await writeFile(join(staging, 'bundle.json'), JSON.stringify(record));
      await rename(staging, this.#path(digest)).catch(async (error) => {
        if (!(await this.has(digest))) throw error;
      });
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  /**
   * Removes bundles that are older than `minimumAgeMs` and not in `keep`, and what crashed builds left behind.
   *
   * @returns the digests that were removed
   */
  async prune(keep: ReadonlySet<string>, minimumAgeMs: number): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name);
      const info = await stat(path).catch(() => null);
      if (keep.has(`sha256:${name}`) || info === null || Date.now() - info.mtimeMs < minimumAgeMs) continue;
      await rm(path, { recursive: true, force: true });
      if (/^[0-9a-f]{64}$/.test(name)) removed.push(`sha256:${name}`);
    }
    return removed;
  }

  #path(digest: string): string {
    const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
    if (!match) throw new Error(`Not a digest: ${digest}`);
    return join(this.#folder, match[1]!);
  }
}

/**
 * Copies a folder so that nothing written to the copy changes the original. File systems that can share blocks do;
 * hard links are no choice, since both names would change together.
 *
 * cp(1) copies a thousand small files several times faster than Node. Where its options are unknown, Node does it.
 */
export async function copyFolder(from: string, to: string, path: string): Promise<void> {
  if (process.platform === 'linux') {
    const end = await runChild({
      file: 'cp',
      args: ['-a', '--reflink=auto', '--', from, to],
      env: { PATH: path },
    });
    if (end.code === 0) return;
    await rm(to, { recursive: true, force: true });
  }
  await cp(from, to, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
}
