import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DEFAULT_CONTAINER_API_CONFIG, readSummary, runFolder } from '@slipway/container-api';
import { detectEngine, EgressPolicy, type Engine } from '@slipway/engine';
import type { Comparison } from './harness.ts';
import { build, makeIdleConnector, runToEnd, timed } from './run.bench.ts';

const host = 'unix:///var/run/docker.sock';

/**
 * The engine docker against the docker command line with the same images: a run is a network, two containers and their
 * removal; a build without a change is `docker build` of the same folder. Nothing where Docker does not answer.
 */
export async function dockerComparisons(folder: string): Promise<Comparison[]> {
  const engine = await open(folder).catch(() => null);
  if (!engine) return [];
  const repository = makeIdleConnector(join(folder, 'repositories', 'docker-nothing'));
  const digest = await build(engine, repository);
  const { name: sidecar } = await sidecarImage();
  return [
    {
      name: 'run of a connector that does nothing, engine docker',
      unit: 'ms',
      better: 'lower',
      ours: () => timed(() => run(engine, digest, folder)),
      bare: () => timed(async () => runByHand(digest, sidecar)),
      // At most 1.4 times as long.
      target: { kind: 'ratio', atLeast: 1 / 1.4 },
    },
    {
      name: 'build without a change, engine docker',
      unit: 'ms',
      better: 'lower',
      ours: () => timed(async () => void (await build(engine, repository))),
      bare: () => timed(async () => docker('build', '--quiet', repository)),
      // At most 1.5 times as long.
      target: { kind: 'ratio', atLeast: 1 / 1.5 },
    },
  ];
}

async function open(folder: string): Promise<Engine> {
  const { engine } = await detectEngine('docker', {
    workFolder: join(folder, 'engine-docker'),
    git: {
      egress: new EgressPolicy(),
      path: process.env.PATH ?? '',
      localRepositoriesRoot: join(folder, 'repositories'),
    },
    path: process.env.PATH ?? '',
    lang: 'C.UTF-8',
    docker: {
      host,
      installation: 'bench',
      registry: null,
      sidecarImage: null,
      cacheBytes: 10 * 1024 ** 3,
      ownHosts: [],
    },
  });
  return engine;
}

async function sidecarImage(): Promise<{ name: string }> {
  const { buildSidecarImage } = await import('../packages/engine/src/docker/sidecar-image.ts');
  return { name: await buildSidecarImage(host, () => {}) };
}

async function run(engine: Engine, digest: string, root: string): Promise<void> {
  const runId = crypto.randomUUID();
  const folder = join(root, 'docker-runs', runId);
  await runToEnd(engine, digest, folder, {
    runId,
    startSidecar: () => Promise.reject(new Error('the engine docker starts its own')),
    sidecar: {
      config: (paths, listen) => ({
        connector: { type: 'datasource' },
        listen: { host: listen.host, port: listen.port, 'public-url': listen.publicUrl },
        'run-folder': paths.folder,
        'exchange-path': listen.exchangePath,
        'container-api-config': DEFAULT_CONTAINER_API_CONFIG,
      }),
      readSummary: () => readSummary(runFolder(folder)),
    },
  });
}

function docker(...args: string[]): void {
  execFileSync('docker', args, { stdio: 'ignore', env: { ...process.env, DOCKER_BUILDKIT: '0' } });
}

/** The same network and containers, by the command line. */
function runByHand(digest: string, sidecar: string): void {
  const name = `slipway-bench-${crypto.randomUUID()}`;
  docker('network', 'create', name);
  docker('run', '--detach', '--network', name, '--name', `${name}-sidecar`, sidecar, 'sleep', '100');
  docker('run', '--network', name, '--name', `${name}-connector`, digest, 'true');
  docker('rm', '--force', '--volumes', `${name}-connector`, `${name}-sidecar`);
  docker('network', 'rm', name);
}
