import { access, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, EngineName, Isolation, RunResult } from '../engine.ts';
import type { GitSettings } from '../git/repository.ts';
import { adoptRun, killRecorded } from './adopt.ts';
import { buildBundle } from './build.ts';
import { BundleStore } from './bundle-store.ts';
import { checkHealth, HEALTH_SUFFIX } from './health.ts';
import type { Machine } from './place.ts';
import { ConnectorRun } from './run.ts';
import { idsIn, isActive, removeRunFolder, runFolderPath } from './run-folder.ts';

/** Settings of the process driver, with which both of its engines are made. */
export interface ProcessEngineOptions {
  /** Folder for bundles, runs and builds; belongs to the engine alone. */
  readonly workFolder: string;
  readonly git: GitSettings;
  readonly machine: Machine;
  /** Variables for installations, from the operator alone: proxies, registries, certificates. */
  readonly installEnvironment?: Readonly<Record<string, string>>;
}

const ISOLATION: Record<'sandbox' | 'process', Isolation> = {
  sandbox: {
    level: 'sandbox',
    description:
      'Connectors run inside bubblewrap: own processes and files, a read-only system, no capabilities. CPU time is not limited.',
  },
  process: {
    level: 'none',
    description:
      'No isolation: connectors are ordinary processes of the server’s user and see its files and its network.',
  },
};

/** Makes the engine `sandbox` (when the machine has one) or `process`. */
export function createProcessEngine(options: ProcessEngineOptions): Engine {
  const { workFolder, git, machine } = options;
  const bundles = new BundleStore(workFolder);
  const running = new Map<string, AbortController>();
  const name: EngineName = machine.sandbox === null ? 'process' : 'sandbox';
  const build = { workFolder, machine, bundles, git, installEnvironment: options.installEnvironment ?? {} };
  return {
    name,
    isolation: ISOLATION[name],
    outlivesServer: false,
    sidecarImage: null,
    check: async () => {
      await mkdir(workFolder, { recursive: true });
      await access(workFolder, constants.W_OK);
    },
    build: (request) => buildBundle(request, build),
    healthCheck: (request) => checkHealth(request, machine, bundles, workFolder),
    run: async (request): Promise<RunResult> => {
      const { runId } = request.identity;
      if (running.has(runId)) throw new Error(`Run ${runId} is already running.`);
      const stop = new AbortController();
      running.set(runId, stop);
      try {
        const context = { workFolder, machine, bundles, egress: git.egress, stopSignal: stop.signal };
        return await new ConnectorRun(context, request).run();
      } finally {
        running.delete(runId);
      }
    },
    stop: async (runId) => {
      running.get(runId)?.abort();
      return running.has(runId);
    },
    adopt: async (runId, log) => (running.has(runId) ? null : await adoptRun(workFolder, runId, log)),
    prune: (keep, minimumAgeMs) => bundles.prune(keep, minimumAgeMs),
    reap: async (keep) => {
      const belongs = (id: string) => keep.has(id) || keep.has(id.replace(HEALTH_SUFFIX, ''));
      const ids = await idsIn(join(workFolder, 'runs'));
      const left = ids.filter((id) => !belongs(id) && !isActive(runFolderPath(workFolder, id)));
      for (const id of left) {
        const folder = runFolderPath(workFolder, id);
        await killRecorded(folder, id);
        await removeRunFolder(folder);
      }
      return left;
    },
  };
}
