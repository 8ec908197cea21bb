import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEFAULT_CONTAINER_API_CONFIG, readLog, readSummary, runFolder } from '@slipway/container-api';
import { afterAll, describe, onTestFinished, test } from 'vitest';
import {
  type BuildRequest,
  type BuildStepEvent,
  DEFAULT_RUN_LIMITS,
  type DetectOptions,
  type DockerSettings,
  detectEngine,
  EgressPolicy,
  type Engine,
  type LogSink,
  type RunRequest,
  type RunResult,
  type Sidecar,
  type SidecarPlan,
  type SidecarSummary,
  type StartSidecar,
} from '../src/index.ts';

/** A program, with arguments that it answers with success when it is of use. */
const isInstalled = (command: string): boolean => {
  const [program = '', ...args] = command.split(' ');
  const { error, status } = spawnSync(program, args.length > 0 ? args : ['--version']);
  return error === undefined && (args.length === 0 || status === 0);
};

/** Whether a test may run: its programs are installed, or continuous integration has to have them. */
const mayRun = (...programs: string[]): boolean =>
  process.env.CI !== undefined || programs.every(isInstalled);

/** A test that needs programs of the system; it is skipped on a machine without them. */
export const testWith = (...programs: string[]) => test.skipIf(!mayRun(...programs));

/** The same for a group of tests. */
export const describeWith = (...programs: string[]) => describe.skipIf(!mayRun(...programs));

/** The engines that the machine can have. */
export const BOTH_ENGINES: readonly ('sandbox' | 'process')[] = mayRun('bwrap')
  ? ['sandbox', 'process']
  : ['process'];

const DOCKER: DockerSettings = {
  host: 'unix:///var/run/docker.sock',
  installation: 'tests',
  registry: null,
  sidecarImage: null,
  cacheBytes: 5 * 1024 ** 3,
  ownHosts: [],
};

/** Each folder of a test is an installation of its own. */
export const installationOf = (root: string): string => createHash('md5').update(root).digest('hex');

/** All engines that the machine can have: the same scenarios are to end the same in each of them. */
export const ALL_ENGINES: readonly ('docker' | 'sandbox' | 'process')[] = mayRun('docker info')
  ? ['docker', ...BOTH_ENGINES]
  : BOTH_ENGINES;

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The same for all tests of a file. */
export function temporaryFolderOfFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Processes of the machine, containers included, that have this text in their command line. */
export function processesWith(marker: string): number[] {
  const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
  return pids
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
      } catch {
        return false;
      }
    })
    .map(Number);
}

export const isRunning = (marker: string): boolean => processesWith(marker).length > 0;

/** A real repository below `root` with one commit on main. */
export function makeRepository(root: string, files: Record<string, string>, name = 'repository'): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '--quiet', '--initial-branch=main');
  commitFiles(folder, files);
  return folder;
}

/** Adds a commit and answers with its id. */
export function commitFiles(folder: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'Change');
  return git(folder, 'rev-parse', 'HEAD');
}

/** Runs git with an identity and nothing of the user's configuration. */
export function git(cwd: string, ...args: string[]): string {
  const identity = [
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.com',
    '-c',
    'protocol.file.allow=always',
  ];
  return execFileSync('git', [...identity, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH!, HOME: cwd, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  }).trim();
}

/** What an engine over a folder of its own is found with. */
export const detectOptions = (root: string, docker: Partial<DockerSettings> | null): DetectOptions => ({
  docker: docker && { ...DOCKER, ...docker },
  workFolder: join(root, 'engine'),
  git: { egress: new EgressPolicy(), path: process.env.PATH!, localRepositoriesRoot: root },
  path: process.env.PATH!,
  lang: 'C.UTF-8',
});

/** An engine over a folder of its own. */
export async function makeEngine(
  name: 'docker' | 'sandbox' | 'process',
  root: string,
  docker: Partial<DockerSettings> = {},
): Promise<Engine> {
  const installation = installationOf(root);
  const options = detectOptions(root, name === 'docker' ? { installation, ...docker } : null);
  return (await detectEngine(name, options)).engine;
}

export interface Line {
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keepLines(): { lines: Line[]; log: LogSink; of: (source: string) => string[] } {
  const lines: Line[] = [];
  return {
    lines,
    log: (level, source, message) => {
      lines.push({ level, source, message });
    },
    of: (source) => lines.filter((line) => line.source === source).map((line) => line.message),
  };
}

/** Builds a connector from files, without anything that could fail. */
export async function buildFiles(
  engine: Engine,
  root: string,
  files: Record<string, string>,
): Promise<string> {
  const url = makeRepository(
    root,
    { Dockerfile: 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD x\n', ...files },
    `repository-${randomUUID()}`,
  );
  const { result } = await build(engine, { url });
  return (await result).digest;
}

export function build(
  engine: Engine,
  repository: { url: string; branch?: string; commit?: string; directory?: string },
  more: Partial<BuildRequest> = {},
) {
  const kept = keepLines();
  const steps: BuildStepEvent[] = [];
  const result = engine.build({
    buildId: randomUUID(),
    connector: { id: randomUUID(), version: '1.0.0' },
    repository: { branch: 'main', access: { authorization: 'public' }, ...repository },
    command: 'sh',
    arguments: null,
    healthCheck: null,
    timeoutMs: 60_000,
    log: kept.log,
    mask: (text) => text,
    onStep: (event) => {
      steps.push(event);
    },
    signal: new AbortController().signal,
    ...more,
  });
  // The caller may look at the steps before it looks at the failure.
  result.catch(() => {});
  return { result, steps, ...kept };
}

/** A sidecar that answers every call, over real HTTP; what it heard is kept. */
export function listeningSidecar(summary: Partial<SidecarSummary> = {}): {
  start: StartSidecar;
  calls: string[];
} {
  const calls: string[] = [];
  const start: StartSidecar = async ({ host, port }) => {
    const server = createServer((request, response) => {
      if (request.url !== '/ping') calls.push(`${request.method} ${request.url}`);
      response.setHeader('content-type', 'application/json');
      response.end('{"message":"pong"}');
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(port, host, resolve);
    await promise;
    const bound = (server.address() as { port: number }).port;
    const sidecar: Sidecar = {
      url: `http://${host}:${bound}`,
      port: bound,
      closeOutputs: async () => {},
      finishProcesses: async () => {},
      summary: () => ({ outputFailed: false, outputRefusedStatus: null, failedProcess: null, ...summary }),
      close: async () => {
        server.closeAllConnections();
        server.close();
      },
    };
    return sidecar;
  };
  return { start, calls };
}

export interface Ran {
  readonly result: RunResult;
  readonly lines: Line[];
  readonly of: (source: string) => string[];
  readonly calls: string[];
  readonly exchange: string;
  readonly runId: string;
  readonly folder: string;
}

/** Runs a built connector with everything at its default. */
export async function run(
  engine: Engine,
  root: string,
  digest: string,
  words: string,
  more: Partial<RunRequest> = {},
  summary: Partial<SidecarSummary> = {},
): Promise<Ran> {
  const kept = keepLines();
  const sidecar = listeningSidecar(summary);
  const runId = more.identity?.runId ?? randomUUID();
  const folder = join(root, 'run-folders', runId);
  const exchange = runFolder(folder).exchange;
  mkdirSync(exchange, { recursive: true });
  const result = await engine.run({
    identity: identityOf(runId),
    digest,
    command: words,
    arguments: null,
    settings: { mode: 'as-env-variables', individual: [], authentications: [], secrets: [] },
    limits: DEFAULT_RUN_LIMITS,
    network: { mode: 'open' },
    exchangeFolder: exchange,
    startSidecar: sidecar.start,
    sidecar: planOf(folder, runId),
    log: kept.log,
    mask: (text) => text,
    signal: new AbortController().signal,
    detach: new AbortController().signal,
    ...more,
  });
  // Whoever takes the lines itself may not want them all in memory.
  if (!more.log) await addJournal(folder, kept.lines);
  return { result, ...kept, calls: sidecar.calls, exchange, runId, folder };
}

/** What a sidecar in a container is told: a data source with nothing to read. */
export function planOf(folder: string, runId: string, more: Record<string, unknown> = {}): SidecarPlan {
  return {
    folder,
    bucketFolder: null,
    journal: runFolder(folder).log,
    image: null,
    secretValues: [],
    config: (paths, listen) => ({
      connector: { type: 'datasource' },
      run: { id: runId, 'process-id': randomUUID() },
      listen: { host: listen.host, port: listen.port, 'public-url': listen.publicUrl },
      'run-folder': paths.folder,
      'exchange-path': listen.exchangePath,
      'container-api-config': DEFAULT_CONTAINER_API_CONFIG,
      ...more,
    }),
    readSummary: () => readSummary(runFolder(folder)),
  };
}

/** Where the sidecar keeps the journal, the lines are found there, before those that came after its end. */
async function addJournal(folder: string, lines: Line[]): Promise<void> {
  const later = lines.splice(0);
  for (const line of await journalLines(folder)) lines.push(line);
  lines.push(...later);
}

/** The lines of a run's log journal so far. */
export async function journalLines(folder: string): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of readJournal(folder)) found.push(line);
  return found;
}

/** The same, one by one. */
export async function* readJournal(folder: string): AsyncGenerator<Line> {
  for (let offset = 0; ; ) {
    const part = await readLog(runFolder(folder).log, offset);
    if (part.entries.length === 0) return;
    for (const { level, source, message } of part.entries) yield { level, source, message };
    offset = part.offset;
  }
}

export function identityOf(runId: string): RunRequest['identity'] {
  return {
    runId,
    processId: randomUUID(),
    siteId: 7,
    connectorId: randomUUID(),
    connectorVersion: '2.0.0',
    environment: 'dev',
    stage: 'import',
  };
}
