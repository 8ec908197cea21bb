import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { splitWords } from '@slipway/contract';
import { parse } from 'yaml';
import { PYTHON_FOLDER } from '../process/bundle-store.ts';

/** How the dependencies of a connector are installed. */
export interface InstallRecipe {
  /** Commands, as words; each runs in the connector's folder. */
  readonly commands: readonly (readonly string[])[];
  /** Whether Python packages go to {@link PYTHON_FOLDER}. */
  readonly python: boolean;
}

/** Thrown for files of the connector that can not be understood; the text goes to the build log. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError';
}

/**
 * Finds out how to install: `install` of `slipway.yaml` (one command or a list) if there is one, otherwise from
 * `package.json`, `requirements.txt` and `composer.json`. Installation scripts of packages are not run: they would be
 * foreign code at build time.
 *
 * @throws {RecipeError}
 */
export async function findRecipe(folder: string): Promise<InstallRecipe> {
  const own = await ownCommands(folder);
  if (own) return { commands: own, python: false };
  const commands: string[][] = [];
  const manifest = await readText(join(folder, 'package.json'));
  if (manifest !== null && hasDependencies(manifest)) {
    const locked =
      (await readText(join(folder, 'package-lock.json'))) ??
      (await readText(join(folder, 'npm-shrinkwrap.json')));
    commands.push([
      ...['npm', locked === null ? 'install' : 'ci'],
      ...['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'],
    ]);
  }
  const requirements = await readText(join(folder, 'requirements.txt'));
  const python = requirements !== null && /^\s*[^#\s]/m.test(requirements);
  if (python) {
    commands.push([
      ...['python3', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-compile'],
      ...['--no-warn-script-location', '--root-user-action=ignore', '--progress-bar=off'],
      ...['--target', PYTHON_FOLDER, '-r', 'requirements.txt'],
    ]);
  }
  if ((await readText(join(folder, 'composer.json'))) !== null) {
    commands.push(['composer', 'install', '--no-dev', '--no-scripts', '--no-interaction', '--no-progress']);
  }
  return { commands, python };
}

async function ownCommands(folder: string): Promise<string[][] | null> {
  const text = await readText(join(folder, 'slipway.yaml'));
  if (text === null) return null;
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new RecipeError(`slipway.yaml can not be read: ${(error as Error).message.split('\n')[0]}`);
  }
  if (content === null || typeof content !== 'object' || !('install' in content)) return null;
  const commands = [content.install].flat();
  if (commands.some((command) => typeof command !== 'string')) {
    throw new RecipeError('slipway.yaml: "install" should be a command or a list of commands.');
  }
  try {
    return (commands as string[]).map(splitWords).filter((words) => words.length > 0);
  } catch {
    throw new RecipeError('slipway.yaml: "install" has an unclosed quote.');
  }
}

function hasDependencies(manifest: string): boolean {
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(manifest);
  } catch {
    throw new RecipeError('package.json is no valid JSON.');
  }
  return ['dependencies', 'optionalDependencies'].some((key) => Object.keys(content?.[key] ?? {}).length > 0);
}

async function readText(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null);
}
