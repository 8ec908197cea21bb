import type { Database, Work } from '../database/database.ts';

/** What a sealed value is for; part of its sealed context. */
export type Purpose =
  | 'vcs-token'
  | 'deploy-key'
  | 'secret'
  | 'client-secret'
  | 'form-value'
  | 'run-values'
  | 'oauth-key'
  | 'idempotent-answer'
  | 'webhook-secret';

/** Values that are written and used, never shown. Each is sealed under a data key of its own. */
export interface Vault {
  /** Seals a value; the id is what other rows keep. */
  put(db: Work, purpose: Purpose, value: string): Promise<string>;
  /** Seals several values at once; their ids come in the same order. */
  putAll(db: Work, purpose: Purpose, values: readonly string[]): Promise<string[]>;
  /** Opens a value for use and records the use. @throws {@link VaultError} when it can not be opened */
  open(db: Database, id: string): Promise<string>;
  /** Opens several values at once: id → value. @throws {@link VaultError} when one of them can not be opened */
  openAll(db: Database, ids: readonly string[]): Promise<Map<string, string>>;
  /** Forgets values. Rows that refer to them must have let go of them before. */
  remove(db: Work, ...ids: string[]): Promise<void>;
}

/** Why a value does not open, or can not be sealed (`former-key`). The message says what to do; it never holds anything of the value. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly problem: 'missing' | 'wrong-key' | 'damaged' | 'former-key';

  constructor(problem: VaultError['problem'], message: string) {
    super(message);
    this.problem = problem;
  }
}
