import { join } from 'node:path';
import { keyBytes } from './aead.ts';
import { fileKeys } from './key-file.ts';
import { type KeyProvider, localKey, type WrappingKey } from './wrapping-key.ts';

export interface KeySettings {
  keyProvider: 'file' | 'env';
  /** `SLIPWAY_MASTER_KEY`: 32 bytes in base64. */
  masterKey: string | null;
  /** `SLIPWAY_SECOND_MASTER_KEY`: opens values, wraps none. */
  secondMasterKey: string | null;
  /** Folder of the installation; the key file lies in `keys/` below it. */
  home: string;
}

/**
 * The key provider the settings name. The provider `file` makes its key at the first start.
 *
 * @throws when the key is missing or no key; the message says what to do
 */
export async function createKeyProvider(settings: KeySettings): Promise<KeyProvider> {
  const { keyProvider, masterKey, secondMasterKey, home } = settings;
  if (keyProvider === 'file') return fileKeys(join(home, 'keys'));
  const further = secondMasterKey === null ? [] : [localKey(decodeKey(secondMasterKey))];
  return keysInMemory(localKey(decodeKey(masterKey)), ...further);
}

/** Keys that do not change: the first wraps, the others open what they wrapped once. */
export const keysInMemory = (current: WrappingKey, ...further: WrappingKey[]): KeyProvider => ({
  current: async () => current,
  find: async (id) => [current, ...further].find((key) => key.id === id) ?? null,
});

function decodeKey(text: string | null): Buffer {
  const key = Buffer.from(text ?? '', 'base64');
  if (key.length === keyBytes) return key;
  throw new Error(
    'SLIPWAY_MASTER_KEY must be 32 bytes in base64; make one with `openssl rand -base64 32` and keep it: without it stored secrets can not be opened.',
  );
}
