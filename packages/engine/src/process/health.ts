import { randomUUID } from 'node:crypto';
import { splitWords } from '@slipway/contract';
import { BuildError, type HealthCheckRequest } from '../engine.ts';
import { type BundleStore, copyFolder } from './bundle-store.ts';
import type { Machine } from './place.ts';
import { createRunFolder, removeRunFolder } from './run-folder.ts';
import { runTask } from './task.ts';

/** Marks the folder of a health check; what stands before it is the build's id. */
export const HEALTH_SUFFIX = '.health';

/** Time a health check has (container-api.md 8.3). */
const HEALTH_TIMEOUT_MS = 5_000;

/**
 * Runs the health check of a bundle once, in a fresh copy, without settings, sidecar or network (the engine without
 * isolation can not take the network away).
 *
 * @throws {BuildError} with the contract's texts
 */
export async function checkHealth(
  request: HealthCheckRequest,
  machine: Machine,
  bundles: BundleStore,
  workFolder: string,
  id = `${randomUUID()}${HEALTH_SUFFIX}`,
): Promise<void> {
  const folder = await createRunFolder(workFolder, id);
  try {
    const { files, record } = await bundles.read(request.digest);
    await copyFolder(files, folder.bundle, machine.path);
    const words = [request.command, request.arguments ?? '', request.healthCheck].flatMap(splitWords);
    const end = await runTask({
      machine,
      folder,
      record,
      words,
      environment: {},
      network: 'own',
      id,
      timeoutMs: HEALTH_TIMEOUT_MS,
      log: request.log,
      mask: request.mask,
      source: 'health',
      signal: request.signal,
    });
    if (end.kind === 'too-long') throw new BuildError('health', 'Checking image health took too long');
    const code = end.kind === 'exited' ? end.exitCode : 127;
    if (end.kind === 'start-failed') {
      const cause = end.notFound
        ? `The command "${words[0] ?? ''}" was not found in the image.`
        : `The connector could not be started: ${end.cause}.`;
      await request.log('error', 'health', request.mask(cause));
    }
    if (code !== 0) throw new BuildError('health', `Image health check exited with code ${code}`, code);
  } finally {
    await removeRunFolder(folder.root);
  }
}
