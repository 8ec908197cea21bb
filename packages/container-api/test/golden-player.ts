import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeOutput, readFields, readLines, writeInputStream } from '@slipway/records';
import { expect } from 'vitest';
import {
  type ContainerApiConfig,
  DEFAULT_CONTAINER_API_CONFIG,
  DEFAULT_FILE_LIMITS,
  type ProcessRecord,
  type RunConfig,
  type RunContext,
  readLog,
  runFolder,
  STREAMS,
  startContainerApi,
  writeCheckpoints,
} from '../src/index.ts';
import type {
  FlatteningPair,
  GoldenAfter,
  GoldenCall,
  GoldenCase,
  GoldenRows,
  GoldenSetup,
} from './golden-case.ts';
import { type RawAnswer, send } from './raw-client.ts';
import { startStandAlone } from './stand-alone.ts';
import { readOutput, temporaryFolder, testContext } from './test-run.ts';

/** A Container API that cases are played against. */
export interface Target {
  /** Its clock can be made to stand still. */
  readonly clockStands: boolean;
  /** Serves a run whose folder has been filled. */
  serve(context: RunContext): Promise<Served>;
}

/** One that answers. */
export interface Served {
  readonly port: number;
  /** Fulfilled when everything that was logged can be read. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** In this process, as the server starts it. */
export const inProcess: Target = {
  clockStands: true,
  serve: async (context) => {
    const api = await startContainerApi(context, { host: '127.0.0.1', port: 0 });
    return { port: api.port, settle: () => api.log.flush(), close: () => api.close() };
  },
};

/** In a process of its own, which knows what its configuration says. */
export const standAlone: Target = {
  clockStands: false,
  serve: async (context) => {
    const sidecar = await startStandAlone(context.folder, configOf(context));
    return {
      port: sidecar.port,
      // A failed call is logged before its answer is sent.
      settle: async () => {},
      close: async () => {
        await sidecar.end('SIGKILL');
      },
    };
  },
};

function configOf(context: RunContext): RunConfig {
  const { runId, processId, version, environment, stage, site, project, account, fileLimits } = context;
  return {
    connector: context.connector,
    run: { id: runId, 'process-id': processId, version, environment, stage },
    site,
    project,
    account,
    'container-api-config': context.config,
    'run-folder': context.folder,
    'exchange-path': context.exchangePath,
    ...(context.bucketFolder === null ? {} : { 'bucket-folder': context.bucketFolder }),
    ...(context.columnOrder === null ? {} : { 'column-order': [...context.columnOrder] }),
    classifications: context.classifications.map(({ id, path }) => ({
      'classification-id': id,
      'classification-path': path,
    })),
    limits: {
      'body-mib': context.bodyLimitBytes / 1024 ** 2,
      ...(fileLimits?.parallelProcesses === undefined
        ? {}
        : { 'storage-processes': fileLimits.parallelProcesses }),
    },
  };
}

/** Plays one golden case against a fresh run and compares everything it says. */
export async function play(golden: GoldenCase, target: Target): Promise<void> {
  const { folder, remove } = await temporaryFolder();
  try {
    const api = await target.serve(await prepare(folder, golden.setup ?? {}));
    try {
      for (const call of golden.setup?.calls ?? []) await statusOf(api.port, call);
      await compareCall(api.port, golden, target);
      await api.settle();
      await compareAfter(folder, golden.after ?? {});
      for (const call of golden.after?.calls ?? []) await compareCall(api.port, call, target);
    } finally {
      await api.close();
    }
  } finally {
    await remove();
  }
}

/** Writes each row in a call of its own and compares what is stored. */
export async function flatten(pairs: readonly FlatteningPair[], target: Target): Promise<void> {
  const { folder, remove } = await temporaryFolder();
  try {
    const api = await target.serve(await prepare(folder, {}));
    try {
      for (const { name, in: row, in_text: text, separator } of pairs) {
        const meta = JSON.stringify({ separator });
        const body = `{"meta":${meta},"data":[${text ?? JSON.stringify(row)}]}`;
        expect((await send(api.port, 'POST', '/output/output', {}, body)).status, name).toBe(201);
      }
    } finally {
      await api.close();
    }
    const lines = (await describeOutput(runFolder(folder).output('output'))).files.map((file) =>
      readLines(file),
    );
    let index = 0;
    for (const file of lines) {
      for await (const line of file) {
        const { name, columns, out } = pairs[index++]!;
        const fields = [...readFields(Buffer.from(`${line} `))];
        const stored = fields.map(([column, value]) => [column, JSON.parse(value) as string]);
        expect(stored, name).toEqual(columns.map((column) => [column, out[column]]));
      }
    }
    expect(index).toBe(pairs.length);
  } finally {
    await remove();
  }
}

/** Fills the run's folder and makes its context. */
async function prepare(folder: string, setup: GoldenSetup): Promise<RunContext> {
  const type = (setup['connector-type'] ?? 'datasource') as RunContext['connector']['type'];
  const base = testContext(folder);
  const paths = runFolder(folder);
  for (const name of STREAMS[type].inputs) {
    const texts = setup.input_text?.[name] ?? (setup.input?.[name] ?? []).map((row) => JSON.stringify(row));
    const columns = unionOfColumns(texts);
    await writeInputStream(paths.input(name), columns, valuesOf(texts, columns));
    for (const { 'classification-id': id, rows, columns: own } of setup.classifications ?? []) {
      const ofClass = (rows[name] ?? []).map((row) => JSON.stringify(row));
      await writeInputStream(paths.classificationInput(name, id), own, valuesOf(ofClass, own));
    }
  }
  for (const name of setup.broken ?? []) await rm(`${paths.input(name)}.ndjson`);
  await writeState(folder, setup.state ?? {});
  for (const [path, content] of Object.entries(setup.exchange ?? {})) {
    await mkdir(dirname(join(paths.exchange, path)), { recursive: true });
    await writeFile(join(paths.exchange, path), content);
  }
  const bucketFolder = setup.bucket ? join(folder, 'bucket') : null;
  if (bucketFolder) await mkdir(bucketFolder);
  for (const [path, content] of Object.entries(setup.bucket ?? {})) {
    await mkdir(dirname(join(bucketFolder!, path)), { recursive: true });
    await writeFile(join(bucketFolder!, path), content);
  }
  return {
    ...base,
    ...(await writeProcesses(folder, setup.processes ?? [])),
    bucketFolder,
    connector: { ...base.connector, type },
    ...metadataOf(setup),
    config: { ...DEFAULT_CONTAINER_API_CONFIG, ...(setup.config as Partial<ContainerApiConfig>) },
    bodyLimitBytes: (setup['body-limit-mib'] ?? 64) * 1024 ** 2,
    columnOrder: setup['column-order'] ?? null,
    classifications: (setup.classifications ?? []).map((one) => ({
      id: one['classification-id'],
      path: one['classification-path'],
    })),
  };
}

async function writeState(folder: string, state: NonNullable<GoldenSetup['state']>): Promise<void> {
  await mkdir(runFolder(folder).stateFolder, { recursive: true });
  const checkpoints = Object.entries(state).map(([key, { value, version, 'updated-at': updatedAt }]) => ({
    key,
    text: JSON.stringify(value),
    version,
    updatedAt,
  }));
  await writeCheckpoints(runFolder(folder), checkpoints);
}

/** Writes processes as an earlier sidecar would have left them; their clock stands still. */
async function writeProcesses(
  folder: string,
  processes: NonNullable<GoldenSetup['processes']>,
): Promise<Partial<RunContext>> {
  if (processes.length === 0) return {};
  const now = new Date();
  const lines = processes.flatMap(({ id, 'exit-code': exitCode, 'seconds-remaining': remaining }, index) => {
    const age = exitCode === null ? DEFAULT_FILE_LIMITS.processSeconds - remaining : 0;
    const startedAt = new Date(now.getTime() - age * 1000).toISOString();
    const started: ProcessRecord = { id, startedAt, store: 'transport', source: 'x', remote: `x${index}` };
    return exitCode === null ? [started] : [started, { id, exitCode, cause: 'it was refused' }];
  });
  await writeFile(runFolder(folder).processes, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  // None is taken up: they stay as they are.
  return { now: () => now, fileLimits: { parallelProcesses: 0 } };
}

function metadataOf(setup: GoldenSetup): Partial<RunContext> {
  if (!setup.metadata) return {};
  const { 'process-id': processId, 'run-id': runId, ...same } = setup.metadata;
  return { ...same, processId, runId } as Partial<RunContext>;
}

/** Column names in the order of the texts, in which names that look like integers are not special. */
function unionOfColumns(rows: readonly string[]): string[] {
  const names = rows.flatMap((row) =>
    [...row.matchAll(/[{,]("(?:[^"\\]|\\.)*"):/g)].map((match) => match[1]!),
  );
  return [...new Set(names.map((name) => JSON.parse(name) as string))];
}

async function* valuesOf(rows: readonly string[], columns: readonly string[]) {
  for (const row of rows) {
    const values = JSON.parse(row) as Record<string, string>;
    yield columns.map((column) => values[column]);
  }
}

async function statusOf(port: number, call: GoldenCall): Promise<RawAnswer> {
  const query = new URLSearchParams(call.query).toString().replaceAll('+', '%20');
  const target = query === '' ? call.path : `${call.path}?${query}`;
  const json = call.request === undefined ? {} : { 'Content-Type': 'application/json' };
  const answer = await send(port, call.method, target, { ...json, ...call.headers }, bodyOf(call));
  expect(answer.status, answer.body).toBe(call.status);
  return answer;
}

async function compareCall(port: number, call: GoldenCall, { clockStands }: Target): Promise<void> {
  const answer = await statusOf(port, call);
  if (call.response_text !== undefined) expect(answer.body).toBe(call.response_text);
  else if (call.response === undefined) expect(answer.body).toBe('');
  else compareJson(answer.body, call.response, clockStands);
  for (const [name, value] of Object.entries(call.response_headers ?? {})) {
    const given = answer.headers[name.toLowerCase()];
    expect(name === 'Content-Type' ? given?.replace(/;.*/, '') : given, name).toBe(value);
  }
}

function bodyOf(call: GoldenCall): string | null {
  if (call.request_text !== undefined) return call.request_text;
  if (call.request_bytes !== undefined) {
    const [before, after] = ['{"data":[{"text":"', '"}]}'];
    return before + 'x'.repeat(call.request_bytes - before.length - after.length) + after;
  }
  return call.request === undefined ? null : JSON.stringify(call.request);
}

/** Compares JSON in its exact text: keys in the same order, no white space. */
function compareJson(body: string, expected: unknown, clockStands: boolean): void {
  const text = JSON.stringify(expected);
  const pattern = text
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/"seconds-remaining":[1-9]\d*/g, (exact) =>
      clockStands ? exact : '"seconds-remaining":[1-9]\\d*',
    )
    .replaceAll('"<uuid>"', '"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"')
    .replaceAll('"<timestamp>"', '"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d[+-]\\d\\d:\\d\\d"');
  const exact = clockStands || !text.includes('seconds-remaining');
  if (!exact || text.includes('"<')) expect(body).toMatch(new RegExp(`^${pattern}$`));
  else expect(body).toBe(text);
}

async function compareAfter(folder: string, after: GoldenAfter): Promise<void> {
  for (const name of ['output', 'feedback'] as const) {
    const expected: GoldenRows | undefined = after[name];
    if (!expected) continue;
    const { columns, rows } = await readOutput(folder, name);
    expect({ columns, rows }).toEqual(expected);
  }
  if (after.logs) {
    const { entries } = await readLog(runFolder(folder).log);
    const seen = entries.filter(({ source }) => source === 'application' || source === 'container-api');
    expect(seen.map(({ level, source, message, context }) => ({ level, source, message, context }))).toEqual(
      after.logs,
    );
  }
  await compareFiles(runFolder(folder).exchange, after.exchange ?? {});
  await compareFiles(join(folder, 'bucket'), after.bucket ?? {});
}

async function compareFiles(root: string, files: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const found = await readFile(join(root, path), 'utf8').catch(() => null);
    expect(found, path).toBe(content);
  }
}
