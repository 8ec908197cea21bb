import { createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keyBytes, seal, unseal } from './aead.ts';

/**
 * Wraps the data keys of the vault. The wrapping key never leaves the provider, so that one that keeps it elsewhere
 * (a key management service) can take the place of those here.
 */
export interface KeyProvider {
  /** Names the wrapping key without telling anything about it; the same key has the same name everywhere. */
  readonly keyId: string;
  wrap(dataKey: Buffer, context: Buffer): Promise<Buffer>;
  /** Null when it was not wrapped by this key in this context. */
  unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer | null>;
}

export interface KeySettings {
  keyProvider: 'file' | 'env';
  /** `SLIPWAY_MASTER_KEY`: 32 bytes in base64. */
  masterKey: string | null;
  /** Folder of the installation; the key file lies in `keys/` below it. */
  home: string;
}

/**
 * The key provider the settings name. The provider `file` makes its key at the first start.
 *
 * @throws when the key is missing or no key; the message says what to do
 */
export async function createKeyProvider({ keyProvider, masterKey, home }: KeySettings): Promise<KeyProvider> {
  return localKey(keyProvider === 'env' ? decodeKey(masterKey) : await keyFromFile(join(home, 'keys')));
}

/** A key held in memory wraps by itself. */
export const localKey = (key: Buffer): KeyProvider => ({
  keyId: createHmac('sha256', key).update('slipway key id').digest('hex').slice(0, 16),
  wrap: async (dataKey, context) => seal(key, dataKey, context),
  unwrap: async (wrapped, context) => unseal(key, wrapped, context),
});

function decodeKey(text: string | null): Buffer {
  const key = Buffer.from(text ?? '', 'base64');
  if (key.length === keyBytes) return key;
  throw new Error(
    'SLIPWAY_MASTER_KEY must be 32 bytes in base64; make one with `openssl rand -base64 32` and keep it: without it stored secrets can not be opened.',
  );
}

async function keyFromFile(folder: string): Promise<Buffer> {
  const path = join(folder, 'master.key');
  const key = (await readKey(path)) ?? (await makeKey(folder, path));
  if (key.length !== keyBytes) {
    throw new Error(`${path} is no key (32 bytes): put the right file there, for example from your backup.`);
  }
  return key;
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
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(keyBytes));
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
