import { startWorker, type Worker } from '../operations/worker.ts';
import type { Services } from '../services.ts';

/** Synchronizations at a time in one worker: they wait for the database, not for a processor. */
const concurrency = 4;

export const startDeploymentWorker = (services: Services): Promise<Worker> =>
  startWorker(services, 'state', concurrency);
