import { createHmac } from 'node:crypto';
import { seal, unseal } from './aead.ts';

/**
 * A key that wraps the data keys of the vault. It may lie elsewhere (a key management service): nobody but its provider
 * sees it.
 */
export interface WrappingKey {
  /** Names the key without telling anything about it; the same key has the same name everywhere. */
  readonly id: string;
  wrap(dataKey: Buffer, context: Buffer): Promise<Buffer>;
  /** Null when it was not wrapped by this key in this context. */
  unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer | null>;
}

/** A key held in memory wraps by itself. */
export const localKey = (key: Buffer): WrappingKey => ({
  id: createHmac('sha256', key).update('slipway key id').digest('hex').slice(0, 16),
  wrap: async (dataKey, context) => seal(key, dataKey, context),
  unwrap: async (wrapped, context) => unseal(key, wrapped, context),
});

/** Where wrapping keys come from. */
export interface KeyProvider {
  /** The key for new values, as it is now: it changes while servers run. */
  current(): Promise<WrappingKey>;
  /** The key of this name, also one that is being replaced; null when it is not here. */
  find(id: string): Promise<WrappingKey | null>;
}
