import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from 'dockerode';
import type { Engine, RunResult } from '../engine.ts';
import { buildImage } from './build.ts';
import { pingDocker, removeQuietly } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { checkHealth } from './health.ts';
import { findImage, pruneImages } from './images.ts';
import { type Kind, LABEL, labelFilter } from './labels.ts';
import { DockerRun } from './run.ts';

/** Makes the engine `docker`; see {@link detectEngine}, which finds out first whether it would work. */
export function createDockerEngine(host: DockerHost): Engine {
  const { docker, installation, workFolder } = host;
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

  /** Containers of this installation, or of one run or build. */
  const containers = (labels: Record<string, string>) =>
    docker.listContainers({
      all: true,
      filters: labelFilter({ [LABEL.installation]: installation, ...labels }),
    });

  const containerOf = async (runId: string, kind: Kind): Promise<Container | null> => {
    const [found] = await containers({ [LABEL.work]: runId, [LABEL.kind]: kind });
    return found ? docker.getContainer(found.Id) : null;
  };

  /** Removes every container, network and folder of some work. */
  const removeWork = async (work: string): Promise<void> => {
    const found = await containers({ [LABEL.work]: work });
    await Promise.all(
      found.map(({ Id }) => removeQuietly(() => docker.getContainer(Id).remove({ force: true, v: true }))),
    );
    const filters = JSON.stringify(labelFilter({ [LABEL.installation]: installation, [LABEL.work]: work }));
    for (const { Id } of await docker.listNetworks({ filters })) {
      await removeQuietly(() => docker.getNetwork(Id).remove());
    }
    for (const kind of ['runs', 'builds']) {
      await rm(join(workFolder, kind, work), { recursive: true, force: true });
    }
  };

  return {
    name: 'docker',
    isolation: {
      level: 'container',
      description:
        'Connectors run in containers of their own: own files, processes and network, no capabilities, hard limits.',
    },
    outlivesServer: true,
    check: async () => {
      await mkdir(workFolder, { recursive: true });
      await pingDocker(docker);
    },
    build: async (request) => {
      // What an earlier try of the same build left.
      await removeWork(request.buildId);
      return await buildImage(request, host);
    },
    healthCheck: async (request) => {
      const image = await findImage(host, request.digest, '');
      await checkHealth(host, request, image.name);
    },
    run: (request) =>
      execute(request.identity.runId, async (stop) => {
        await removeWork(request.identity.runId);
        return await new DockerRun(host, request, stop).run();
      }),
    stop: async (runId) => {
      running.get(runId)?.abort();
      return running.has(runId);
    },
    adopt: async (runId, _log, resume) => {
      if (running.has(runId)) return null;
      const connector = await containerOf(runId, 'connector');
      if (connector === null) {
        await removeWork(runId);
        return null;
      }
      const { State } = await connector.inspect();
      if (State.Status === 'created') {
        // The server ended before it started the connector: there is nothing to go on with.
        await removeWork(runId);
        return null;
      }
      const sidecar = await containerOf(runId, 'sidecar');
      return await execute(runId, async (stop) =>
        new DockerRun(host, await resume(), stop).adopt(connector, sidecar),
      );
    },
    reap: async (keep) => {
      const found = await containers({});
      const networks = await docker.listNetworks({
        filters: JSON.stringify(labelFilter({ [LABEL.installation]: installation })),
      });
      const folders = await Promise.all(
        ['runs', 'builds'].map((kind) => readdir(join(workFolder, kind)).catch(() => [])),
      );
      const labelled = [...found, ...networks].map(({ Labels }) => Labels?.[LABEL.work]);
      const works = new Set([...labelled, ...folders.flat()].filter((work) => work !== undefined));
      const left = [...works].filter((work) => !keep.has(work) && !running.has(work));
      for (const work of left) await removeWork(work);
      return left;
    },
    prune: (keep, minimumAgeMs) => pruneImages(host, keep, minimumAgeMs),
  };
}
