import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/index.ts';
import {
  build,
  buildFiles,
  identityOf,
  makeEngine,
  makeRepository,
  run,
  temporaryFolderOfFile,
} from '../support.ts';
import { daemon, leftovers } from './daemon.ts';

/** A second daemon can be started by root alone, where the first one works. */
const mayStart = process.getuid?.() === 0 && spawnSync('dockerd', ['--version']).status === 0;
const answers = process.env.CI !== undefined || spawnSync('docker', ['info']).status === 0;

/*
 * The daemon of the machine belongs to everybody, so these tests restart one of their own.
 */
describe.skipIf(!mayStart || !answers)('a daemon that is restarted', { timeout: 180_000 }, () => {
  const root = temporaryFolderOfFile();
  const host = `unix://${root}/docker.sock`;
  const own = new Docker({ socketPath: `${root}/docker.sock` });
  let child: ChildProcess | null = null;
  let engine: Engine;

  const start = async (): Promise<void> => {
    child = spawn(
      'unshare',
      [
        // In a network of its own: a second daemon would take the bridge of the first one away.
        ...['--net', 'dockerd'],
        ...['--host', host, '--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
        ...['--pidfile', join(root, 'docker.pid')],
      ],
      { stdio: 'ignore' },
    );
    // Hooks start it too, where the test's own polling can not be used.
    while ((await own.ping().then(String, () => '')) !== 'OK') {
      if (child.exitCode !== null) throw new Error(`dockerd ended with ${child.exitCode}`);
      await sleep(100);
    }
  };
  const stop = async (): Promise<void> => {
    if (child === null || child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };

  beforeAll(async () => {
    // The images come from the first daemon: there need be no registry.
    await makeEngine('docker', root);
    const sidecar = (await daemon.listImages({ filters: { reference: ['slipway/container-api'] } }))[0];
    const archive = join(root, 'images.tar');
    const names = ['debian:bookworm-slim', ...(sidecar?.RepoTags ?? [])];
    execFileSync('docker', ['save', '--output', archive, ...names]);
    await start();
    execFileSync('docker', ['--host', host, 'load', '--quiet', '--input', archive]);
    engine = await makeEngine('docker', root, { host });
  }, 180_000);
  afterAll(async () => {
    await stop();
    // What a killed daemon leaves mounted would keep the folder.
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const place of mounts.filter((path) => path.startsWith(`${root}/`)).reverse()) {
      spawnSync('umount', ['--lazy', place]);
    }
  });

  test('ends the builds that it was busy with, and nothing is left of them', async () => {
    const url = makeRepository(
      root,
      { Dockerfile: 'FROM debian:bookworm-slim\nRUN sleep 300\nCMD x\n' },
      randomUUID(),
    );
    const broken = build(engine, { url }, { timeoutMs: 120_000 });
    await expect.poll(() => broken.of('image').join(), { timeout: 60_000 }).toContain('RUN sleep 300');
    await stop();
    await expect(broken.result).rejects.toMatchObject({
      step: 'image',
      message: 'Build docker image failed, with exit code 1',
    });
    await start();
    expect(await leftovers(root, own)).toEqual([]);
  });

  test('loses the runs of the time, and nothing is left of them', async () => {
    const digest = await buildFiles(engine, root, { Dockerfile: 'FROM debian:bookworm-slim\nCMD x\n' });
    const started = Promise.withResolvers<void>();
    const running = run(engine, root, digest, "sh -c 'echo begun; exec sleep 300'", {
      identity: identityOf(randomUUID()),
      onStarted: () => started.resolve(),
    });
    await started.promise;
    await stop();
    await start();
    const { result, lines } = await running;
    expect(result).toMatchObject({
      state: 'failed',
      failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
    });
    expect(lines.map(({ message }) => message)).toContain('begun');
    // A network that the stopping daemon would not give up goes with the next look around.
    await engine.reap(new Set());
    expect(await leftovers(root, own)).toEqual([]);
    // The next run is none the worse for it.
    expect((await run(engine, root, digest, 'true')).result.state).toBe('finished');
  });
});
