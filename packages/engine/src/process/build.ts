import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRepositoryDirectory } from '@slipway/contract';
import { parseDockerfile } from '../build/dockerfile.ts';
import { StepTimer } from '../build/step-timer.ts';
import { BuildError, type BuildRequest, type BuildResult } from '../engine.ts';
import { checkout } from '../git/checkout.ts';
import { GitError } from '../git/logged-git.ts';
import type { GitSettings } from '../git/repository.ts';
import type { BundleStore } from './bundle-store.ts';
import { checkHealth, HEALTH_SUFFIX } from './health.ts';
import { connectorFolder, imageFailed, makeBundle } from './image.ts';
import type { Machine } from './place.ts';
import { createRunFolder, removeRunFolder } from './run-folder.ts';

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
  const begin = performance.now();
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  const steps = new StepTimer(request.onStep);
  try {
    const built = await runSteps(request, context, steps, signal);
    return { ...built, durationMs: Math.round(performance.now() - begin) };
  } catch (error) {
    const failure = buildFailure(error, steps, request.signal.aborted, timeout.aborted);
    await request.log('error', failure.step, request.mask(failure.message));
    await steps.fail();
    throw failure;
  }
}

/** Cancel and time-out win over whatever they made fail. */
function buildFailure(error: unknown, steps: StepTimer, cancelled: boolean, tooLong: boolean): BuildError {
  if (cancelled) return new BuildError(steps.current, 'Build was cancelled');
  if (tooLong) return new BuildError(steps.current, 'Build took too long');
  if (error instanceof BuildError) return error;
  if (error instanceof GitError) return new BuildError('clone', error.message, error.exitCode);
  throw error;
}

async function runSteps(
  request: BuildRequest,
  context: BuildContext,
  steps: StepTimer,
  signal: AbortSignal,
): Promise<Omit<BuildResult, 'durationMs'>> {
  const folder = await createRunFolder(context.workFolder, request.buildId);
  try {
    await steps.begin('prepare');
    signal.throwIfAborted();
    const { access, directory = '', ...repository } = request.repository;
    if (access === null) throw new BuildError('prepare', 'VCS secret from Vault is missing');
    await steps.begin('clone');
    const commit = await checkout({
      ...repository,
      access,
      target: folder.bundle,
      settings: context.git,
      log: request.log,
      mask: request.mask,
      signal,
    });
    await steps.begin('check');
    const checked = await checkDockerfile(request, folder.bundle, directory);
    await steps.begin('image');
    const input = { folder, ...checked, installEnvironment: context.installEnvironment };
    const image = await makeBundle(request, input, context.machine, context.bundles, signal);
    if (request.healthCheck === null) {
      await steps.skip('health');
    } else {
      await steps.begin('health');
      const check = { ...request, digest: image.digest, healthCheck: request.healthCheck, signal };
      const id = `${request.buildId}${HEALTH_SUFFIX}`;
      await checkHealth(check, context.machine, context.bundles, context.workFolder, id);
    }
    // A local bundle has no registry to go to.
    await steps.skip('push');
    return { commit, ...image };
  } finally {
    await removeRunFolder(folder.root);
  }
}

async function checkDockerfile(
  request: BuildRequest,
  root: string,
  wanted: string,
): Promise<{ directory: string; environment: Readonly<Record<string, string>> }> {
  const fail = async (text: string): Promise<never> => {
    await request.log('error', 'check', text);
    throw imageFailed(1, 'check');
  };
  const directory =
    wanted === '' || isRepositoryDirectory(wanted) ? await connectorFolder(root, wanted) : null;
  if (directory === null) return fail(`The repository has no folder ${wanted}.`);
  const text = await readFile(join(root, directory, 'Dockerfile'), 'utf8').catch(() => null);
  if (text === null)
    return fail(`There is no Dockerfile in ${directory === '' ? 'the root of the repository' : directory}.`);
  const file = parseDockerfile(text);
  for (const { line, text: problem } of file.problems) {
    await request.log('error', 'check', `Dockerfile line ${line}: ${problem}`, { line });
  }
  if (file.problems.length > 0) throw imageFailed(1, 'check');
  if (file.entrypointLine !== null) {
    await request.log('info', 'check', `Dockerfile line ${file.entrypointLine}:`, {
      line: file.entrypointLine,
    });
    await request.log('error', 'check', 'ENTRYPOINT is not supported. Use CMD instead.', {
      line: file.entrypointLine,
    });
    throw imageFailed(1, 'check');
  }
  if (!file.hasCommand)
    await request.log('warning', 'check', 'The Dockerfile has no CMD in its final stage.');
  return { directory, environment: file.environment };
}
