import { spawn } from 'node:child_process';
import { join } from 'node:path';
import {
  createMasker,
  DEFAULT_CONTAINER_API_CONFIG,
  runFolder,
  startContainerApi,
} from '@slipway/container-api';
import {
  DEFAULT_RUN_LIMITS,
  detectEngine,
  EgressPolicy,
  type Engine,
  type RunRequest,
} from '@slipway/engine';
import type { Comparison } from './harness.ts';
import { makeRepository } from './repository.ts';

const local = { id: 0, name: 'local' };
/** The same for every build: an image belongs to its connector. */
const builtConnector = crypto.randomUUID();

/** A connector that does nothing, run by each engine of this machine, against a bare spawn of the same program. */
export async function runComparisons(folder: string): Promise<Comparison[]> {
  const repository = makeIdleConnector(join(folder, 'repositories', 'nothing'));
  const comparisons: Comparison[] = [];
  for (const name of ['process', 'sandbox'] as const) {
    const engine = await open(name, folder).catch(() => null);
    if (!engine) continue;
    const digest = await build(engine, repository);
    comparisons.push({
      name: `run of a connector that does nothing, engine ${name}`,
      unit: 'ms',
      better: 'lower',
      ours: () => timed(() => run(engine, digest, join(folder, name))),
      bare: () => timed(bareSpawn),
      target: { kind: 'difference', atMost: 300 },
    });
  }
  return comparisons;
}

/** A connector that does nothing, in a repository of its own. */
export const makeIdleConnector = (path: string): string =>
  makeRepository(path, { Dockerfile: 'FROM debian:bookworm-slim\nCMD ["true"]\n' });

async function open(name: 'process' | 'sandbox', folder: string): Promise<Engine> {
  const { engine } = await detectEngine(name, {
    workFolder: join(folder, `engine-${name}`),
    git: {
      egress: new EgressPolicy(),
      path: process.env.PATH ?? '',
      localRepositoriesRoot: join(folder, 'repositories'),
    },
    path: process.env.PATH ?? '',
    lang: 'C.UTF-8',
  });
  return engine;
}

/** Builds it; answers with the digest. */
export const build = async (engine: Engine, url: string): Promise<string> => {
  const { digest } = await engine.build({
    buildId: crypto.randomUUID(),
    connector: { id: builtConnector, version: '1.0.0' },
    repository: { url, branch: 'main', access: { authorization: 'public' } },
    command: 'true',
    arguments: null,
    healthCheck: null,
    timeoutMs: 60_000,
    log: () => {},
    mask: (text) => text,
    onStep: () => {},
    signal: AbortSignal.timeout(60_000),
  });
  return digest;
};

/** Runs it to its end. @throws unless it ends well */
export async function runToEnd(
  engine: Engine,
  digest: string,
  folder: string,
  { runId, startSidecar, sidecar }: SidecarOfRun,
): Promise<void> {
  const result = await engine.run({
    identity: {
      runId,
      processId: crypto.randomUUID(),
      siteId: 0,
      connectorId: crypto.randomUUID(),
      connectorVersion: '1.0.0',
      environment: 'dev',
      stage: 'import',
    },
    digest,
    command: 'true',
    arguments: null,
    settings: { mode: 'as-env-variables', individual: [], authentications: [], secrets: [] },
    limits: DEFAULT_RUN_LIMITS,
    network: { mode: 'open' },
    exchangeFolder: runFolder(folder).exchange,
    startSidecar,
    sidecar: {
      folder,
      bucketFolder: null,
      journal: runFolder(folder).log,
      image: null,
      secretValues: [],
      ...sidecar,
    },
    log: () => {},
    mask: (text) => text,
    signal: new AbortController().signal,
    detach: new AbortController().signal,
  });
  if (result.state !== 'finished') throw new Error(`The run ${result.state}: ${result.failure?.reason}`);
}

/** What engines want of a run's sidecar: to be given one, or to start their own. */
interface SidecarOfRun extends Pick<RunRequest, 'startSidecar'> {
  runId: string;
  sidecar: Pick<RunRequest['sidecar'], 'config' | 'readSummary'>;
}

async function run(engine: Engine, digest: string, base: string): Promise<void> {
  const runId = crypto.randomUUID();
  const folder = join(base, runId);
  await runToEnd(engine, digest, folder, {
    runId,
    startSidecar: (listen) =>
      startContainerApi(
        {
          runId,
          processId: crypto.randomUUID(),
          connector: { id: crypto.randomUUID(), name: 'Nothing', type: 'datasource' },
          version: '1.0.0',
          environment: 'dev',
          stage: 'import',
          site: local,
          project: local,
          account: local,
          config: DEFAULT_CONTAINER_API_CONFIG,
          bodyLimitBytes: 64 * 1024 * 1024,
          logLimitBytes: 200 * 1024 * 1024,
          folder,
          exchangePath: listen.exchangePath,
          bucketFolder: null,
          columnOrder: null,
          classifications: [],
          forward: { mode: 'none' },
          publicUrl: listen.publicUrl,
          masker: createMasker([]),
          now: () => new Date(),
        },
        listen,
      ),
    sidecar: { config: () => ({}), readSummary: async () => null },
  });
}

const bareSpawn = (): Promise<void> =>
  new Promise((resolve, reject) => {
    spawn('true', { stdio: 'ignore' })
      .once('error', reject)
      .once('close', () => resolve());
  });

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
