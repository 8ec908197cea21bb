import { type Repeated, repeat } from '../jobs/repeat.ts';
import type { Services } from '../services.ts';
import { recoverRuns } from './recover-runs.ts';

/**
 * Looks after the runs of lost workers, at once and every minute. Runs are begun by the processes of their sites, which
 * keep the order there.
 */
export const startRunWorker = async (services: Services): Promise<Repeated> =>
  repeat(60_000, () => recoverRuns(services), services.log);
