import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../src/index.ts';
import {
  build,
  buildFiles,
  identityOf,
  isRunning,
  journalLines,
  makeEngine,
  makeRepository,
  processesWith,
  run,
  temporaryFolderOfFile,
} from '../support.ts';
import { leftovers } from './daemon.ts';
import { mayOwnDaemon, OwnDaemon } from './own-daemon.ts';

describe.skipIf(!mayOwnDaemon)('a daemon that is restarted', { timeout: 90_000 }, () => {
  const root = temporaryFolderOfFile();
  const own = new OwnDaemon(root);
  let engine: Engine;

  beforeAll(async () => {
    await own.start();
    await own.load();
    engine = await own.engine();
  }, 180_000);
  // Also where a test has failed between its end and its return.
  beforeEach(() => own.start());
  afterAll(() => own.remove());

  /** Stopped as an operator does it, and killed as the kernel does it when memory runs out. */
  const ENDS = [['SIGTERM'], ['SIGKILL']] as const;

  test.each(ENDS)('%s ends the builds that it was busy with, and nothing is left of them', async (signal) => {
    const seconds = String(900_000 + Math.floor(Math.random() * 90_000));
    const dockerfile = `FROM debian:bookworm-slim\nRUN sleep ${seconds}\nCMD x\n`;
    const url = makeRepository(root, { Dockerfile: dockerfile }, randomUUID());
    const broken = build(engine, { url }, { timeoutMs: 120_000 });
    await expect.poll(() => isRunning(`sleep\0${seconds}`), { timeout: 60_000 }).toBe(true);
    // The program of a step outlives the daemon that started it, and no daemon knows of it any more.
    onTestFinished(() => {
      for (const pid of processesWith(seconds)) process.kill(pid);
    });
    await own.stop(signal);
    await expect(broken.result).rejects.toMatchObject({
      step: 'image',
      message: 'Build docker image failed, with exit code 1',
    });
    // The daemon is gone, and the log says that it was its doing.
    expect(broken.of('image').join('\n')).toMatch(
      /The Docker Engine (gave up|does not answer|ended the build)/,
    );
    await own.start();
    expect(await leftovers(root, own.docker)).toEqual([]);
    // The next build is none the worse for it.
    await buildFiles(engine, root, { Dockerfile: 'FROM debian:bookworm-slim\nCMD x\n' });
  });

  test.each(ENDS)('%s during a health check fails the build, and nothing is left of it', async (signal) => {
    const url = makeRepository(root, { Dockerfile: 'FROM debian:bookworm-slim\nCMD x\n' }, randomUUID());
    const broken = build(engine, { url }, { command: 'sh', healthCheck: "-c 'sleep 4.87654; true'" });
    await expect.poll(() => isRunning('sleep\x004.87654'), { timeout: 60_000 }).toBe(true);
    await own.stop(signal);
    await expect(broken.result).rejects.toMatchObject({
      step: 'health',
      // A daemon that stops ends the check first; one that is killed tells nothing any more.
      message: expect.stringMatching(/^Image health check exited with code (1|137|143)$/),
    });
    await own.start();
    // What could not be removed without a daemon goes with the next look around.
    await engine.reap(new Set());
    expect(await leftovers(root, own.docker)).toEqual([]);
  });

  test.each(ENDS)('%s loses the runs of the time, and nothing is left of them', async (signal) => {
    const digest = await buildFiles(engine, root, { Dockerfile: 'FROM debian:bookworm-slim\nCMD x\n' });
    const seconds = String(900_000 + Math.floor(Math.random() * 90_000));
    const started = Promise.withResolvers<void>();
    const running = run(engine, root, digest, `sh -c 'echo begun; exec sleep ${seconds}'`, {
      identity: identityOf(randomUUID()),
      onStarted: () => started.resolve(),
    });
    await started.promise;
    await expect.poll(() => isRunning(`sleep\0${seconds}`), { timeout: 20_000 }).toBe(true);
    await own.stop(signal);
    await own.start();
    const { result, lines } = await running;
    expect(result).toMatchObject({
      state: 'failed',
      failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
    });
    expect(lines.map(({ message }) => message)).toContain('begun');
    // A network that the stopping daemon would not give up goes with the next look around.
    await engine.reap(new Set());
    expect(await leftovers(root, own.docker)).toEqual([]);
    expect(isRunning(`sleep\0${seconds}`)).toBe(false);
    // The next run is none the worse for it.
    expect((await run(engine, root, digest, 'true')).result.state).toBe('finished');
  });

  test('that does not come back fails builds and runs, and does not hold them up', async () => {
    const impatient = await makeEngine('docker', root, { host: own.host, daemonAwayMs: 3_000 });
    const url = makeRepository(root, { Dockerfile: 'FROM debian:bookworm-slim\nCMD x\n' }, randomUUID());
    const { digest } = await build(impatient, { url }).result;
    const seconds = String(900_000 + Math.floor(Math.random() * 90_000));
    const runId = randomUUID();
    const running = run(impatient, root, digest, `sh -c 'echo begun; exec sleep ${seconds}'`, {
      identity: identityOf(runId),
    });
    const journal = () => journalLines(join(root, 'run-folders', runId)).catch(() => []);
    await expect.poll(journal, { timeout: 20_000 }).toHaveLength(1);
    await own.stop('SIGKILL');
    const { result, lines } = await running;
    expect(result).toMatchObject({
      state: 'failed',
      failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
    });
    expect(lines.map(({ message }) => message)).toContain('begun');

    const failed = build(impatient, { url });
    await expect(failed.result).rejects.toMatchObject({
      step: 'image',
      message: 'Build docker image failed, with exit code 1',
    });
    expect(failed.of('image').join('\n')).toMatch(/^The Docker Engine does not answer: .+\.$/m);
    const unstarted = await run(impatient, root, digest, 'true');
    expect(unstarted.result).toMatchObject({
      state: 'failed',
      failure: {
        origin: 'engine',
        reason: expect.stringMatching(
          /^The connector could not be started: the Docker Engine does not answer \(.+\)\.$/,
        ),
      },
    });

    await own.start();
    await impatient.reap(new Set());
    expect(await leftovers(root, own.docker)).toEqual([]);
    expect(isRunning(`sleep\0${seconds}`)).toBe(false);
  });
});
