/** The Container API of a run, as connectors meet it. */
import { createMasker, DEFAULT_CONTAINER_API_CONFIG, startContainerApi } from '@slipway/container-api';
import { ready } from './target.ts';

const local = { id: 0, name: 'local' };

const api = await startContainerApi(
  {
    runId: crypto.randomUUID(),
    processId: crypto.randomUUID(),
    connector: { id: crypto.randomUUID(), name: 'Bench', type: 'data-service' },
    version: '1.0.0',
    environment: 'dev',
    stage: 'intermediate',
    site: local,
    project: local,
    account: local,
    config: DEFAULT_CONTAINER_API_CONFIG,
    bodyLimitBytes: 64 * 1024 * 1024,
    logLimitBytes: 200 * 1024 * 1024,
    folder: process.env.BENCH_RUN_FOLDER as string,
    exchangePath: '/data/productsup',
    bucketFolder: null,
    columnOrder: null,
    classifications: [],
    forward: { mode: 'none' },
    publicUrl: null,
    masker: createMasker([]),
    now: () => new Date(),
  },
  { host: '127.0.0.1', port: 0 },
);
ready({ url: api.url }, () => api.close());
