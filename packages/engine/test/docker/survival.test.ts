import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runFolder } from '@slipway/container-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RUN_LIMITS, type Engine, RunDetachedError, type RunRequest } from '../../src/index.ts';
import {
  buildFiles,
  describeWith,
  identityOf,
  journalLines,
  keepLines,
  makeEngine,
  planOf,
  run,
  temporaryFolderOfFile,
} from '../support.ts';
import { daemon, leftovers, removeImages } from './daemon.ts';

/** Prints numbers for a while, so that there is something to lose. */
const COUNTER = `import sys, time
for n in range(int(sys.argv[1])):
    print('line %d' % n, flush=True)
    print('error %d' % n, file=sys.stderr, flush=True)
    time.sleep(0.05)
sys.exit(7)
`;
const numbered = (word: string, count: number) => Array.from({ length: count }, (_, n) => `${word} ${n}`);

describeWith('docker info')('runs in containers', { timeout: 120_000 }, () => {
  const root = temporaryFolderOfFile();
  let engine: Engine;
  let digest: string;

  beforeAll(async () => {
    engine = await makeEngine('docker', root);
    digest = await buildFiles(engine, root, { 'count.py': COUNTER });
  }, 120_000);
  afterAll(() => removeImages([root]));

  /** What a run is taken up with by another server. */
  const requestOf = (runId: string, words: string): RunRequest => {
    const folder = join(root, 'run-folders', runId);
    return {
      identity: identityOf(runId),
      digest,
      command: words,
      arguments: null,
      settings: { mode: 'as-env-variables', individual: [], authentications: [], secrets: [] },
      limits: DEFAULT_RUN_LIMITS,
      network: { mode: 'open' },
      exchangeFolder: runFolder(folder).exchange,
      startSidecar: () => Promise.reject(new Error('not in this process')),
      sidecar: planOf(folder, runId),
      log: () => {},
      mask: (text) => text,
      signal: new AbortController().signal,
      detach: new AbortController().signal,
    };
  };

  const containerOf = (runId: string, part: string) => daemon.getContainer(`slipway-${runId}-${part}`);

  test('a worker that is killed loses no line: another one watches its run to the end', async () => {
    const runId = randomUUID();
    const words = 'python3 count.py 100';
    const script = fileURLToPath(new URL('../crashing-server.ts', import.meta.url));
    const worker = spawn(process.execPath, [script, root, 'docker', digest, runId, words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await expect
      .poll(async () => (await journalLines(join(root, 'run-folders', runId))).length, { timeout: 60_000 })
      .toBeGreaterThan(10);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    const after = await makeEngine('docker', root);
    const result = await after.adopt(runId, keepLines().log, async () => requestOf(runId, words));
    expect(result).toMatchObject({
      state: 'failed',
      exitCode: 7,
      failure: { origin: 'connector', reason: 'The connector exited with code 7.' },
      logLines: { stdout: 100, stderr: 100 },
    });
    const lines = await journalLines(join(root, 'run-folders', runId));
    const of = (source: string) =>
      lines.filter((line) => line.source === source).map(({ message }) => message);
    expect(of('stdout')).toEqual(numbered('line', 100));
    expect(of('stderr')).toEqual(numbered('error', 100));
    expect(await leftovers(root)).toEqual([]);
    expect(await after.adopt(runId, keepLines().log, async () => requestOf(runId, words))).toBeNull();
  });

  test('a server that ends lets its runs go on; a cancel still reaches them afterwards', async () => {
    const runId = randomUUID();
    const detach = new AbortController();
    const running = run(engine, root, digest, 'python3 count.py 1000', {
      identity: identityOf(runId),
      detach: detach.signal,
      onStarted: () => setTimeout(() => detach.abort(), 500),
    });
    await expect(running).rejects.toBeInstanceOf(RunDetachedError);
    expect((await containerOf(runId, 'connector').inspect()).State.Running).toBe(true);
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 1000);
    const result = await engine.adopt(runId, keepLines().log, async () => ({
      ...requestOf(runId, 'python3 count.py 1000'),
      signal: cancel.signal,
    }));
    expect(result).toMatchObject({ state: 'cancelled', failure: { origin: 'cancelled' } });
    expect(await leftovers(root)).toEqual([]);
  });

  test('a sidecar that is killed is started again, and no line is missing or doubled', async () => {
    const runId = randomUUID();
    const ran = await run(engine, root, digest, 'python3 count.py 60', {
      identity: identityOf(runId),
      onStarted: () => setTimeout(() => void containerOf(runId, 'sidecar').kill({ signal: 'SIGKILL' }), 1000),
    });
    expect(ran.result).toMatchObject({ exitCode: 7, failure: { origin: 'connector' } });
    expect(ran.of('stdout')).toEqual(numbered('line', 60));
    expect(ran.of('stderr')).toEqual(numbered('error', 60));
  });

  test('a connector whose container disappears is a lost one', async () => {
    const runId = randomUUID();
    const ran = await run(engine, root, digest, 'sleep 60', {
      identity: identityOf(runId),
      onStarted: () => setTimeout(() => void containerOf(runId, 'connector').remove({ force: true }), 500),
    });
    expect(ran.result).toMatchObject({
      state: 'failed',
      exitCode: null,
      failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
    });
    expect(await leftovers(root)).toEqual([]);
  });

  test('reap removes what belongs to nobody, and leaves the work of others alone', async () => {
    const [orphan, other] = [randomUUID(), randomUUID()];
    const detached = async (runId: string) => {
      const detach = new AbortController();
      await run(engine, root, digest, 'sleep 100', {
        identity: identityOf(runId),
        detach: detach.signal,
        onStarted: () => detach.abort(),
      }).catch(() => {});
    };
    await Promise.all([detached(orphan), detached(other)]);
    expect(await engine.reap(new Set([other]))).toEqual([orphan]);
    expect((await leftovers(root)).every((name) => name.includes(other))).toBe(true);
    expect(await engine.reap(new Set())).toEqual([other]);
    expect(await leftovers(root)).toEqual([]);
  });

  test('prune removes images that no version needs, and neither young nor needed ones', async () => {
    const unused = await buildFiles(engine, root, { 'a.txt': randomUUID() });
    expect(await engine.prune(new Set([digest]), 3_600_000)).toEqual([]);
    expect(await engine.prune(new Set([digest]), 0)).toContain(unused);
    const ran = await run(engine, root, digest, 'true');
    expect(ran.result.state).toBe('finished');
    expect((await run(engine, root, unused, 'true')).result.failure).toEqual({
      origin: 'engine',
      reason: `The connector could not be started: the image ${unused} is not on this machine.`,
    });
  });

  test('eight runs at the same time all finish', async () => {
    const runs = Array.from({ length: 8 }, () => run(engine, root, digest, 'true'));
    expect((await Promise.all(runs)).map(({ result }) => result.state)).toEqual(Array(8).fill('finished'));
    expect(await leftovers(root)).toEqual([]);
  });
});
