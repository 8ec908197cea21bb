import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from 'dockerode';
import type { Engine, RunResult } from '../engine.ts';
import { buildImage } from './build.ts';
import { pingDocker } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { checkHealth } from './health.ts';
import { findImage, pruneImages } from './images.ts';
import { type Kind, LABEL } from './labels.ts';
import { containersOf, networksOf, removeWork } from './leftovers.ts';
import { DockerRun } from './run.ts';

/** Makes the engine `docker`; see {@link detectEngine}, which finds out first whether it would work. */
export function createDockerEngine(host: DockerHost): Engine {
  const { docker, workFolder } = host;
  const running = new Map<string, AbortController>();

  const execute = async (
    runId: string,
    work: (stop: AbortSignal) => Promise<RunResult>,
  ): Promise<RunResult> => {
    if (running.has(runId)) throw new Error(`Run ${runId} is already running.`);
    const stop = new AbortController();
    running.set(runId, stop);
    try {
      return await work(stop.signal);
    } finally {
      running.delete(runId);
    }
  };

  const containerOf = async (runId: string, kind: Kind): Promise<Container | null> => {
    const [found] = await containersOf(host, { [LABEL.work]: runId, [LABEL.kind]: kind });
    return found ? docker.getContainer(found.Id) : null;
  };

  return {
    name: 'docker',
    isolation: {
      level: 'container',
      description:
        'Connectors run in containers of their own: own files, processes and network, no capabilities, hard limits.',
    },
    outlivesServer: true,
    sidecarImage: host.sidecarImage,
    check: async () => {
      await mkdir(workFolder, { recursive: true });
      await pingDocker(docker);
    },
    build: (request) => buildImage(request, host),
    healthCheck: async (request) => {
      const image = await findImage(host, request.digest, '');
      await checkHealth(host, request, image.name);
    },
    run: (request) => execute(request.identity.runId, (stop) => new DockerRun(host, request, stop).run()),
    stop: async (runId) => {
      running.get(runId)?.abort();
      return running.has(runId);
    },
    adopt: async (runId, _log, resume) => {
      if (running.has(runId)) return null;
      const connector = await containerOf(runId, 'connector');
      if (connector === null) {
        await removeWork(host, runId);
        return null;
      }
      const { State } = await connector.inspect();
      if (State.Status === 'created') {
        // The server ended before it started the connector: there is nothing to go on with.
        await removeWork(host, runId);
        return null;
      }
      const sidecar = await containerOf(runId, 'sidecar');
      return await execute(runId, async (stop) =>
        new DockerRun(host, await resume(), stop).adopt(connector, sidecar),
      );
    },
    reap: async (keep) => {
      const [found, networks] = await Promise.all([containersOf(host), networksOf(host)]);
      const folders = await Promise.all(
        ['runs', 'builds'].map((kind) => readdir(join(workFolder, kind)).catch(() => [])),
      );
      const labelled = [...found, ...networks].map(({ Labels }) => Labels?.[LABEL.work]);
      const works = new Set([...labelled, ...folders.flat()].filter((work) => work !== undefined));
      const left = [...works].filter((work) => !keep.has(work) && !running.has(work));
      for (const work of left) await removeWork(host, work);
      return left;
    },
    prune: (keep, minimumAgeMs) => pruneImages(host, keep, minimumAgeMs),
  };
}
