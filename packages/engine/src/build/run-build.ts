import { BuildError, type BuildRequest, type BuildResult } from '../engine.ts';
import { checkout } from '../git/checkout.ts';
import { GitError } from '../git/logged-git.ts';
import type { GitSettings } from '../git/repository.ts';
import { type CheckedSource, checkSource } from './check.ts';
import { StepTimer } from './step-timer.ts';

/** A checkout whose Dockerfile has passed its checks. */
export interface BuildSource extends CheckedSource {
  /** Absolute path of the checkout. */
  readonly checkout: string;
  /** Full 40-digit commit id. */
  readonly commit: string;
}

/** What a build has made. */
export interface BuiltImage {
  /** What {@link BuildResult.digest} says, unless the push gives it another. */
  readonly digest: string;
  readonly reused: boolean;
}

/** The steps of a build in which drivers differ. Each throws a {@link BuildError} when it fails. */
export interface BuildDriver<Image extends BuiltImage> {
  readonly git: GitSettings;
  /** Calls `work` with an empty folder for the checkout, and removes it whatever happens. */
  withFolder<T>(buildId: string, work: (checkout: string) => Promise<T>): Promise<T>;
  makeImage(source: BuildSource, signal: AbortSignal): Promise<Image>;
  checkHealth(image: Image, healthCheck: string, signal: AbortSignal): Promise<void>;
  /** Null where images go nowhere. Answers with the digest that counts from now on. */
  readonly push: ((image: Image, signal: AbortSignal) => Promise<string>) | null;
}

/**
 * Builds one commit; the same for every engine but for the steps of the driver.
 *
 * @throws {BuildError} with the contract's text, the step and the exit code
 */
export async function runBuild<Image extends BuiltImage>(
  request: BuildRequest,
  driver: BuildDriver<Image>,
): Promise<BuildResult> {
  const begin = performance.now();
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  const steps = new StepTimer(request.onStep);
  try {
    const built = await driver.withFolder(request.buildId, (folder) =>
      runSteps(request, driver, folder, steps, signal),
    );
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

async function runSteps<Image extends BuiltImage>(
  request: BuildRequest,
  driver: BuildDriver<Image>,
  folder: string,
  steps: StepTimer,
  signal: AbortSignal,
): Promise<Omit<BuildResult, 'durationMs'>> {
  await steps.begin('prepare');
  signal.throwIfAborted();
  const { access, directory = '', ...repository } = request.repository;
  if (access === null) throw new BuildError('prepare', 'VCS secret from Vault is missing');
  await steps.begin('clone');
  const commit = await checkout({
    ...repository,
    access,
    target: folder,
    settings: driver.git,
    log: request.log,
    mask: request.mask,
    signal,
  });
  await steps.begin('check');
  const checked = await checkSource(request, folder, directory);
  await steps.begin('image');
  const image = await driver.makeImage({ checkout: folder, commit, ...checked }, signal);
  if (request.healthCheck === null) {
    await steps.skip('health');
  } else {
    await steps.begin('health');
    await driver.checkHealth(image, request.healthCheck, signal);
  }
  let { digest } = image;
  if (driver.push === null) {
    await steps.skip('push');
  } else {
    await steps.begin('push');
    digest = await driver.push(image, signal);
    await steps.done();
  }
  return { commit, digest, reused: image.reused };
}
