import { randomUUID } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readJsonFile, writeInputStream, writeJsonFile } from '@slipway/records';
import { createMasker } from '../log/masker.ts';
import { writeCheckpoints } from '../run/checkpoints.ts';
import { STREAMS } from '../run/streams-of-types.ts';
import { DEFAULT_CONTAINER_API_CONFIG, type RunContext } from '../run-context.ts';
import { type RunFolder, runFolder } from '../run-folder.ts';
import { contextOf, type LocalIds } from './context-of.ts';
import { loadInput } from './load-input.ts';
import { type InputSource, nameOfInput, type RunConfig, RunConfigError } from './run-config.ts';
import { readSecrets } from './secrets.ts';
import { readStateFile } from './state-file.ts';

/** A run that is ready to be served. */
export interface PreparedRun {
  readonly context: RunContext;
  readonly folder: RunFolder;
  /** Makes a path of the configuration absolute: paths are relative to the configuration's folder. */
  readonly at: (path: string) => string;
}

/**
 * Makes a run of its configuration: reads secrets, and fills the run folder with what the run begins with. What is there
 * already stays, so that a run that was killed goes on where it was.
 *
 * @param base absolute folder that relative paths start from
 * @throws {RunConfigError}
 */
export async function prepareRun(
  config: RunConfig,
  base: string,
  environment: NodeJS.ProcessEnv,
): Promise<PreparedRun> {
  const at = (path: string): string => resolve(base, path);
  const absolute = (path: string | undefined): string | undefined => (path === undefined ? path : at(path));
  const secrets = await readSecrets(config.secrets, absolute(config.secrets?.file), environment);
  const root = at(config['run-folder'] ?? 'run');
  const places = {
    exchange: absolute(config['exchange-folder']),
    transport: absolute(config['transport-folder']),
  };
  const folder = runFolder(root, places);
  await mkdir(root, { recursive: true });
  if (await exists(folder.summary)) {
    throw new RunConfigError(
      `run-folder: ${root} holds a run that has ended. Remove it, or name another folder.`,
    );
  }
  const ids = await localIds(folder);
  const context = contextOf(config, {
    folder: root,
    ids,
    at,
    masker: createMasker(secrets),
    now: () => new Date(),
  });
  if (context.bucketFolder !== null) await mkdir(context.bucketFolder, { recursive: true });
  await prepareInputs(config, folder, at);
  await prepareState(folder, absolute(config['state-file']));
  return { context, folder, at };
}

/** Ids of a run whose configuration names none: they stay the same when the sidecar is started again. */
async function localIds(folder: RunFolder): Promise<LocalIds> {
  const known = await readJsonFile<LocalIds>(folder.localIds);
  if (known) return known;
  const ids = { runId: randomUUID(), processId: randomUUID() };
  await writeJsonFile(folder.localIds, ids);
  return ids;
}

/** Streams that are there already were made by whoever wrote the configuration, or by an earlier start. */
async function prepareInputs(
  config: RunConfig,
  folder: RunFolder,
  at: (path: string) => string,
): Promise<void> {
  const separator = config['container-api-config']?.separator ?? DEFAULT_CONTAINER_API_CONFIG.separator;
  const workFolder = folder.loading;
  const load = async (path: string, source: InputSource | undefined, name: string): Promise<void> => {
    if (await exists(`${path}.json`)) return;
    if (source === undefined) {
      await writeInputStream(path, [], noRows());
      return;
    }
    const file = source.file === undefined ? {} : { file: at(source.file) };
    await loadInput(path, { ...source, ...file }, { workFolder, separator, name });
  };
  for (const stream of STREAMS[config.connector.type].inputs) {
    await load(folder.input(stream), sourceOf(config.inputs, stream), `inputs.${stream}`);
    for (const [index, one] of (config.classifications ?? []).entries()) {
      const name = `classifications[${index}].inputs.${stream}`;
      const path = folder.classificationInput(stream, one['classification-id']);
      await load(path, sourceOf(one.inputs, stream), name);
    }
  }
}

function sourceOf(sources: RunConfig['inputs'], stream: string): InputSource | undefined {
  return Object.entries(sources ?? {}).find(([name]) => nameOfInput(name) === stream)?.[1];
}

async function* noRows(): AsyncGenerator<string[]> {}

async function prepareState(folder: RunFolder, stateFile: string | undefined): Promise<void> {
  if (stateFile === undefined || (await exists(folder.checkpoints))) return;
  const checkpoints = await readStateFile(stateFile);
  await mkdir(folder.stateFolder, { recursive: true });
  await writeCheckpoints(folder, checkpoints);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
