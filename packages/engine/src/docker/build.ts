import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildDriver, runBuild } from '../build/run-build.ts';
import type { BuildRequest, BuildResult } from '../engine.ts';
import type { DockerHost } from './docker-host.ts';
import { checkHealth } from './health.ts';
import { type DockerImage, makeImage } from './image.ts';
import { removeWork } from './leftovers.ts';
import { pushImage } from './push.ts';

/** Builds one commit into an image; see {@link Engine.build}. */
export async function buildImage(request: BuildRequest, host: DockerHost): Promise<BuildResult> {
  const { registry } = host;
  const driver: BuildDriver<DockerImage> = {
    git: host.git,
    withFolder: async (buildId, work) => {
      const folder = join(host.workFolder, 'builds', buildId);
      // What an earlier try of the same build left; a daemon that is away fails the step that needs it.
      await removeWork(host, buildId).catch(() => {});
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        return await work(folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    makeImage: (source, signal) => makeImage(host, request, source, signal),
    checkHealth: (image, healthCheck, signal) => {
      const check = { ...request, digest: image.digest, healthCheck, signal };
      return checkHealth(host, check, image.digest, request.buildId);
    },
    push: registry === null ? null : (image, signal) => pushImage(host, registry, image, request, signal),
  };
  return await runBuild(request, driver);
}
