import { startWorker, type Worker } from '../operations/worker.ts';
import type { Services } from '../services.ts';

/** Builds in the order of their arrival, as many at a time as the settings allow this worker. */
export const startBuildWorker = (services: Services): Promise<Worker> =>
  startWorker(services, 'build', services.settings.buildConcurrency);
