import { type Repeated, repeat } from '../jobs/repeat.ts';
import type { Services } from '../services.ts';
import { recoverRuns } from './recover-runs.ts';

/**
 * Looks after the runs of lost workers, at once and every minute. Runs are begun by the processes of their sites, which
 * keep the order there.
 */
export async function startRunWorker(services: Services): Promise<Repeated> {
  const stopping = new AbortController();
  const looking = repeat(60_000, () => recoverRuns(services, stopping.signal), services.log);
  return {
    stop: async () => {
      stopping.abort();
      await looking.stop();
    },
  };
}
