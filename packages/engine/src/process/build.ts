import { type BuildDriver, type BuiltImage, runBuild } from '../build/run-build.ts';
import type { BuildRequest, BuildResult } from '../engine.ts';
import type { GitSettings } from '../git/repository.ts';
import type { BundleStore } from './bundle-store.ts';
import { checkHealth, HEALTH_SUFFIX } from './health.ts';
import { makeBundle } from './image.ts';
import type { Machine } from './place.ts';
import { createRunFolder, type RunFolder, removeRunFolder } from './run-folder.ts';

/** What the driver gives to every build. */
export interface BuildContext {
  readonly workFolder: string;
  readonly machine: Machine;
  readonly bundles: BundleStore;
  readonly git: GitSettings;
  readonly installEnvironment: Readonly<Record<string, string>>;
}

/** Builds one commit into a local bundle; see {@link Engine.build}. */
export async function buildBundle(request: BuildRequest, context: BuildContext): Promise<BuildResult> {
  const { machine, bundles, workFolder } = context;
  let folder: RunFolder;
  const driver: BuildDriver<BuiltImage> = {
    git: context.git,
    withFolder: async (buildId, work) => {
      folder = await createRunFolder(workFolder, buildId);
      try {
        return await work(folder.bundle);
      } finally {
        await removeRunFolder(folder.root);
      }
    },
    makeImage: ({ directory, environment }, signal) => {
      const input = { folder, directory, environment, installEnvironment: context.installEnvironment };
      return makeBundle(request, input, machine, bundles, signal);
    },
    checkHealth: ({ digest }, healthCheck, signal) => {
      const check = { ...request, digest, healthCheck, signal };
      return checkHealth(check, machine, bundles, workFolder, `${request.buildId}${HEALTH_SUFFIX}`);
    },
    // A local bundle has no registry to go to.
    push: null,
  };
  return await runBuild(request, driver);
}
