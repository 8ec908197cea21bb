import { mkdir, readFile, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isRepositoryDirectory } from '@slipway/contract';
import { BuildError, type BuildRequest } from '../engine.ts';
import { parseDockerfile } from './dockerfile.ts';

/** What the check of a checkout has found. */
export interface CheckedSource {
  /** Folder of the connector inside the checkout, `''` for its root. */
  readonly directory: string;
  /** `ENV` of the Dockerfile's final stage. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The step `check`: the connector's folder, its Dockerfile, and what the contract forbids in it.
 *
 * @throws {BuildError} `Build docker image failed, with exit code 1`; the log says why, with the line
 */
export async function checkSource(
  request: BuildRequest,
  root: string,
  wanted: string,
): Promise<CheckedSource> {
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

/** The contract's failure of the steps `check` and `image`. */
export function imageFailed(code: number, step: 'check' | 'image' = 'image'): BuildError {
  return new BuildError(step, `Build docker image failed, with exit code ${code}`, code);
}

/** The connector's folder in a checkout; links may not lead out of it. Null when it is not there. */
async function connectorFolder(checkout: string, directory: string): Promise<string | null> {
  await mkdir(checkout, { recursive: true });
  const root = await realpath(checkout);
  const real = await realpath(join(root, directory)).catch(() => null);
  if (real === null) return null;
  const inside = relative(root, real);
  return inside.startsWith('..') ? null : inside;
}
