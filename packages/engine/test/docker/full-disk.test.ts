import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/index.ts';
import { build, buildFiles, makeEngine, makeRepository, run, temporaryFolderOfFile } from '../support.ts';
import { leftovers } from './daemon.ts';
import { mayOwnDaemon, OwnDaemon } from './own-daemon.ts';

const MIB = 1024 ** 2;
const BASE = 'FROM debian:bookworm-slim\n';

/*
 * A daemon whose data lies on a small disk of its own, in memory.
 */
describe.skipIf(!mayOwnDaemon)('a daemon whose disk is full', { timeout: 90_000 }, () => {
  const root = temporaryFolderOfFile();
  const own = new OwnDaemon(root);
  const ballast = join(own.dataFolder, 'ballast');
  const advice = `The Docker Engine has no space left for its data (${own.dataFolder}). Free some, for instance with "docker builder prune", and try again.`;
  let engine: Engine;

  beforeAll(async () => {
    mkdirSync(own.dataFolder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500m', 'tmpfs', own.dataFolder]);
    await own.start();
    await own.load();
    engine = await own.engine();
  }, 180_000);
  afterEach(() => rmSync(ballast, { force: true }));
  afterAll(() => own.remove());

  /** Leaves so many bytes to the daemon, until the test is over. */
  const leave = (bytes: number): void => {
    writeFileSync(ballast, '');
    const { bfree, bsize } = statfsSync(own.dataFolder);
    execFileSync('fallocate', ['--length', String(bfree * bsize - bytes), ballast]);
  };
  const repository = (dockerfile: string) =>
    makeRepository(root, { Dockerfile: `${dockerfile}CMD x\n` }, randomUUID());

  test.each([
    ['a step that writes', `${BASE}RUN head -c 100000000 /dev/zero > /big\n`, 20 * MIB],
    ['no room for anything', `${BASE}RUN touch /small\n`, 0],
  ])(
    '%s fails the build, which says where and what to do; with space again it works',
    async (_, dockerfile, bytes) => {
      const url = repository(dockerfile);
      leave(bytes);
      const failed = build(engine, { url });
      await expect(failed.result).rejects.toMatchObject({
        step: 'image',
        message: 'Build docker image failed, with exit code 1',
      });
      expect(failed.of('image').join('\n')).toMatch(/no space left on device/i);
      expect(failed.of('image')).toContain(advice);
      expect(await leftovers(root, own.docker)).toEqual([]);
      rmSync(ballast);
      await build(engine, { url }).result;
    },
  );

  test('a run that can not be started says so; with space again it works', async () => {
    const digest = await buildFiles(engine, root, { Dockerfile: `${BASE}CMD x\n` });
    leave(0);
    const { result, of } = await run(engine, root, digest, 'true');
    expect(result).toMatchObject({ state: 'failed', exitCode: null });
    expect(result.failure?.origin).toBe('engine');
    expect(result.failure?.reason).toMatch(
      /^The connector could not be started: .*no space left on device.*\.$/,
    );
    expect(of('engine')).toContain(advice);
    expect(await leftovers(root, own.docker)).toEqual([]);
    rmSync(ballast);
    expect((await run(engine, root, digest, 'true')).result.state).toBe('finished');
  });

  test('a connector that fills it fails by itself, and the log tells of the disk', async () => {
    const digest = await buildFiles(engine, root, { Dockerfile: `${BASE}CMD x\n` });
    leave(20 * MIB);
    const { result, of } = await run(
      engine,
      root,
      digest,
      `sh -c 'echo begun; head -c 100000000 /dev/zero > /big || exit 5'`,
    );
    expect(result).toMatchObject({
      state: 'failed',
      exitCode: 5,
      failure: { origin: 'connector', reason: 'The connector exited with code 5.' },
    });
    expect(of('stdout')).toEqual(['begun']);
    expect(of('engine')).toContain(advice);
    expect(await leftovers(root, own.docker)).toEqual([]);
  });

  test('the build cache is kept within its bound, and what versions need stays', async () => {
    const bounded = await makeEngine('docker', root, { host: own.host, cacheBytes: 30 * MIB });
    const digests: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      // The first stage stays in the cache alone.
      const made = `${BASE.trim()} AS made\nRUN head -c 20000000 /dev/urandom > /big; echo ${n} > /n\n`;
      const url = repository(`${made}${BASE}COPY --from=made /n /n\n`);
      digests.push((await build(bounded, { url }).result).digest);
    }
    const { BuildCache = [] } = (await own.docker.df()) as {
      BuildCache?: { Size: number; InUse: boolean; Shared: boolean }[];
    };
    const idle = BuildCache.filter(({ InUse, Shared }) => !InUse && !Shared);
    expect(idle.reduce((bytes, { Size }) => bytes + Size, 0)).toBeLessThanOrEqual(30 * MIB);
    const [first = '', ...others] = digests;
    expect(await bounded.prune(new Set(others), 0)).toContain(first);
    const answers = await Promise.all(digests.map((digest) => run(bounded, root, digest, 'cat /n')));
    expect(answers.map(({ of }) => of('stdout').join())).toEqual(['', '1', '2', '3']);
    expect(answers[0]?.result.failure?.reason).toMatch(/is not on this machine\.$/);
  });
});
