import type { Database, Work } from '../context.ts';

/** What a sealed value is for; part of its sealed context. */
export type Purpose = 'vcs-token' | 'deploy-key' | 'secret' | 'client-secret' | 'form-value' | 'run-values';

/** Values that are written and used, never shown. Each is sealed under a data key of its own. */
export interface Vault {
  /** Seals a value; the id is what other rows keep. */
  put(db: Work, purpose: Purpose, value: string): Promise<string>;
  /** Opens a value for use and records the use. @throws when it cannot be opened with the present key */
  open(db: Database, id: string): Promise<string>;
  remove(db: Work, id: string): Promise<void>;
}
