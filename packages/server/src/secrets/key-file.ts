import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keyBytes } from './aead.ts';
import { type KeyProvider, localKey, type WrappingKey } from './wrapping-key.ts';

/**
 * Keys in a folder: `master.key` wraps; while it replaces another one, `master.key.next` is the one to come, and
 * `former/<name>.key` those before it, which open what is not rewrapped yet.
 */
const masterOf = (folder: string): string => join(folder, 'master.key');
const nextOf = (folder: string): string => join(folder, 'master.key.next');
const formerOf = (folder: string): string => join(folder, 'former');

/**
 * The keys of a folder. The first one is made when there is none; one that is put in its place is used from the next
 * value on, without a restart.
 *
 * @throws when the file is no key, or others may read it; the message says what to do
 */
export async function fileKeys(folder: string): Promise<KeyProvider> {
  const master = masterOf(folder);
  const known = new Map<string, WrappingKey>();
  let read: { mark: string; key: WrappingKey } | undefined;
  const load = async (mark: string, bytes: Buffer): Promise<WrappingKey> => {
    const key = localKey(bytes);
    known.set(key.id, key);
    read = { mark, key };
    return key;
  };
  const current = async (): Promise<WrappingKey> => {
    const mark = await markOf(master);
    if (read && read.mark === mark) return read.key;
    return load(mark, await readMaster(master));
  };
  if ((await readKey(master)) === null) await makeKey(folder, master);
  await current();
  return {
    current,
    async find(id) {
      const key = (await current()).id === id ? read?.key : known.get(id);
      if (key) return key;
      const bytes = await readKey(join(formerOf(folder), `${id}.key`));
      return bytes && localKey(bytes);
    },
  };
}

/** Changes with every other file in its place. */
async function markOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size, mode } = await stat(path);
    return [ino, mtimeMs, size, mode].join();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`${path} is missing: put it back, for example from your backup.`);
  }
}

async function readMaster(path: string): Promise<Buffer> {
  const bytes = await readKey(path);
  if (bytes?.length === keyBytes) return bytes;
  throw new Error(`${path} is no key (32 bytes): put the right file there, for example from your backup.`);
}

/**
 * Puts a new key in the place of the present one, which stays beside it as a former one. Safe at any moment: a change
 * that was interrupted is finished, and no second one begins before what the former keys wrapped is rewrapped and
 * {@link forgetFormer} was called.
 *
 * @returns whether this finished what another one began
 */
export async function replaceKey(folder: string): Promise<{ resumed: boolean }> {
  const [master, next, former] = [masterOf(folder), nextOf(folder), formerOf(folder)];
  const begun = (await readKey(next)) !== null;
  if (!begun) {
    if ((await formerNames(folder)).length > 0) return { resumed: true };
    await makeKey(folder, next);
  }
  const { id } = localKey(await readMaster(master));
  // Killed after the switch, the next key would be the present one; then there is nothing to keep.
  if (localKey(await readMaster(next)).id !== id) {
    await makeFolder(former);
    await link(master, join(former, `${id}.key`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await syncFolder(former);
  }
  await rename(next, master);
  await syncFolder(folder);
  return { resumed: begun };
}

/** Removes the former keys: nothing is wrapped by them any more. */
export async function forgetFormer(folder: string): Promise<void> {
  await rm(formerOf(folder), { recursive: true, force: true });
  for (const name of await readdir(folder)) {
    // Drafts of a change that was killed while it wrote them.
    if (name.startsWith('master.key.next.')) await rm(join(folder, name), { force: true });
  }
  await syncFolder(folder);
}

const formerNames = (folder: string): Promise<string[]> =>
  readdir(formerOf(folder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** What root makes for an ordinary user's server, that user must be able to read. */
async function sameOwner(file: FileHandle, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  await file.chown(uid, gid);
}

/** @throws when others than the owner may read the file */
async function readKey(path: string): Promise<Buffer | null> {
  try {
    const { mode } = await stat(path);
    // Windows has no such modes.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Error(`${path} may be read by others: run \`chmod 600 ${path}\`.`);
    }
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes the key file. It is written beside its place and linked there: like O_EXCL this never replaces a key, and the
 * name never shows half of one, even when several servers start at once or the machine stops in between.
 */
async function makeKey(folder: string, path: string): Promise<Buffer> {
  await makeFolder(folder);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(keyBytes));
    await sameOwner(file, folder);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  await syncFolder(folder);
  return readFile(path);
}

/** A name that is not on disk is lost when the machine stops, and every secret with it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
