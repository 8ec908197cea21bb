import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteWords } from '@slipway/contract';
import { imageFailed } from '../build/check.ts';
import { checkoutDigest, gitLeftovers } from '../build/digest.ts';
import { findRecipe, RecipeError } from '../build/recipe.ts';
import type { BuildRequest } from '../engine.ts';
import type { BundleStore } from './bundle-store.ts';
import type { Machine } from './place.ts';
import type { RunFolder } from './run-folder.ts';
import { INSIDE } from './sandbox.ts';
import { runTask } from './task.ts';

/** A checked-out connector that is to become a bundle. */
export interface ImageInput {
  readonly folder: RunFolder;
  /** Folder of the connector inside the checkout, `''` for its root. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Variables the operator gives to installations: proxies, registries, certificates. */
  readonly installEnvironment: Readonly<Record<string, string>>;
}

/**
 * Makes the local bundle of a checkout: without git's files, with dependencies installed, stored by digest.
 *
 * @throws {BuildError} `Build docker image failed, with exit code <code>`
 */
export async function makeBundle(
  request: BuildRequest,
  input: ImageInput,
  machine: Machine,
  bundles: BundleStore,
  signal: AbortSignal,
): Promise<{ digest: string; reused: boolean }> {
  const { folder, directory, environment } = input;
  await Promise.all(
    (await gitLeftovers(folder.bundle)).map((path) => rm(path, { recursive: true, force: true })),
  );
  const recipe = await findRecipe(join(folder.bundle, directory)).catch(async (error) => {
    if (!(error instanceof RecipeError)) throw error;
    await request.log('error', 'image', error.message);
    throw imageFailed(1);
  });
  const digest = await checkoutDigest(folder.bundle, { environment, directory, recipe: recipe.commands });
  if (await bundles.has(digest)) {
    await request.log('info', 'image', `Nothing has changed since ${digest} was built.`);
    return { digest, reused: true };
  }
  const record = { environment, directory, python: recipe.python };
  for (const words of recipe.commands) {
    await request.log('info', 'image', `$ ${quoteWords(words)}`);
    const end = await runTask({
      machine,
      folder,
      record,
      words: machine.sandbox === null ? words : insideWords(words),
      environment: { ...input.installEnvironment, CI: '1' },
      network: 'shared',
      id: request.buildId,
      timeoutMs: null,
      log: request.log,
      mask: request.mask,
      source: 'image',
      signal,
    });
    if (end.kind === 'start-failed') {
      const cause = end.notFound ? 'it is not installed on this machine' : end.cause;
      await request.log('error', 'image', `${words[0]} could not be started: ${cause}.`);
      throw imageFailed(127);
    }
    const code = end.kind === 'exited' ? end.exitCode : 1;
    if (code !== 0) throw imageFailed(code);
  }
  await bundles.put(digest, folder.bundle, record);
  await request.log('info', 'image', `Stored as ${digest}.`);
  return { digest, reused: false };
}

/** npm is shown inside a sandbox as a folder of ours, since it need not lie among the system's programs. */
function insideWords(words: readonly string[]): readonly string[] {
  if (words[0] !== 'npm') return words;
  return ['node', `${INSIDE.tools}/lib/node_modules/npm/bin/npm-cli.js`, ...words.slice(1)];
}
