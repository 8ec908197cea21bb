import type { Engine, GitSettings } from '@slipway/engine';
import type { Logger } from 'pino';
import type { Database } from './database/database.ts';
import type { Signals } from './events/signals.ts';
import type { SigningKeys } from './identity/oauth/keys.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Platform } from './platform/gateway.ts';
import type { Vault } from './secrets/vault.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage/storage.ts';
import type { Metrics } from './system/metrics.ts';

/** What the process offers to every verb and job: made once at start, never changed. */
export interface Services {
  settings: Settings;
  db: Database;
  jobs: Jobs;
  /** News of changes, in whatever process they happen; readers that follow something wait for them. */
  signals: Signals;
  vault: Vault;
  /** What access tokens and cookies of the sign-in are signed with. */
  signingKeys: SigningKeys;
  storage: Storage;
  platform: Platform;
  metrics: Metrics;
  engine: Engine;
  git: {
    settings: GitSettings;
    /** Host keys of repositories, pinned on first use. */
    knownHostsFile: string;
  };
  log: Logger;
  /** Id of this process among the workers; it owns the leases of the work it does. */
  workerId: string;
}
