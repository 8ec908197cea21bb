import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import {
  build,
  commitFiles,
  describeWith,
  git,
  makeEngine,
  makeRepository,
  run,
  temporaryFolderOfFile,
} from '../support.ts';
import { daemon, leftovers, removeImages } from './daemon.ts';

const BASE = 'FROM debian:bookworm-slim\nWORKDIR /app\n';

describeWith('docker info')('builds at the Docker Engine', { timeout: 120_000 }, () => {
  const root = temporaryFolderOfFile();
  afterAll(() => removeImages([root]));
  const open = () => makeEngine('docker', root);
  const repository = (files: Record<string, string>) => makeRepository(root, files, randomUUID());

  test('the same commit is built once, another has another image; labels tell what it is', async () => {
    const engine = await open();
    const url = repository({ Dockerfile: `${BASE}COPY . .\nCMD x\n`, 'a.txt': 'a' });
    const connector = { id: randomUUID(), version: '3.0.0' };
    const first = await build(engine, { url }, { connector }).result;
    const again = build(engine, { url }, { connector });
    expect(await again.result).toMatchObject({ digest: first.digest, reused: true });
    expect(again.of('image')).toEqual([`Nothing has changed since ${first.digest} was built.`]);
    commitFiles(url, { 'a.txt': 'b' });
    const changed = await build(engine, { url }, { connector }).result;
    expect(changed).toMatchObject({ reused: false });
    expect(changed.digest).not.toBe(first.digest);
    const image = await daemon.getImage(first.digest).inspect();
    expect(image.RepoTags).toEqual([`slipway/${connector.id}:3.0.0-${first.commit.slice(0, 12)}`]);
    expect(image.Config.Labels).toMatchObject({
      'slipway.connector': connector.id,
      'slipway.version': '3.0.0',
      'slipway.commit': first.commit,
    });
  });

  test('.dockerignore is honoured with its exceptions, git’s own files and other folders stay out', async () => {
    const engine = await open();
    const url = repository({
      'connector/Dockerfile': `${BASE}COPY . .\nCMD x\n`,
      'connector/.dockerignore': '*.log\ndata\n!data/keep.txt\n',
      'connector/a.log': '',
      'connector/b.txt': '',
      'connector/data/keep.txt': '',
      'connector/data/drop.txt': '',
      'other.txt': '',
    });
    const { digest } = await build(engine, { url, directory: 'connector' }).result;
    const ran = await run(engine, root, digest, 'find . -type f');
    expect(ran.of('stdout').sort()).toEqual([
      './.dockerignore',
      './Dockerfile',
      './b.txt',
      './data/keep.txt',
    ]);
  });

  test('submodules are part of the context', async () => {
    const engine = await open();
    const inner = repository({ 'inner.txt': 'inner\n' });
    const url = repository({ Dockerfile: `${BASE}COPY . .\nCMD x\n` });
    git(url, 'submodule', '--quiet', 'add', inner, 'libs/inner');
    commitFiles(url, {});
    const { digest } = await build(engine, { url }).result;
    expect((await run(engine, root, digest, 'cat libs/inner/inner.txt')).of('stdout')).toEqual(['inner']);
  });

  test.each([
    ['ENTRYPOINT', `${BASE}ENTRYPOINT ["x"]\n`, 'check', 1, 'ENTRYPOINT is not supported. Use CMD instead.'],
    ['a step that fails', `${BASE}RUN echo said; exit 7\nCMD x\n`, 'image', 7, 'said'],
    ['a base image that is not to be had', 'FROM no.such.registry.invalid/base:1\nCMD x\n', 'image', 1, null],
  ])('%s fails the build with the contract’s text', async (_, dockerfile, step, exitCode, line) => {
    const engine = await open();
    const failed = build(engine, { url: repository({ Dockerfile: dockerfile }) });
    await expect(failed.result).rejects.toMatchObject({
      step,
      exitCode,
      message: `Build docker image failed, with exit code ${exitCode}`,
    });
    if (line !== null) expect(failed.of(step)).toContain(line);
    expect(failed.lines.at(-1)?.message).toBe(`Build docker image failed, with exit code ${exitCode}`);
  });

  test('health checks that fail, hang or name no program fail the build, and leave no container', async () => {
    const engine = await open();
    const url = repository({ Dockerfile: `${BASE}CMD x\n` });
    const check = (command: string, healthCheck: string) => build(engine, { url }, { command, healthCheck });
    await expect(check('sh', '-c "exit 7"').result).rejects.toMatchObject({
      step: 'health',
      exitCode: 7,
      message: 'Image health check exited with code 7',
    });
    await expect(check('sh', '-c "sleep 60 & sleep 60"').result).rejects.toThrow(
      'Checking image health took too long',
    );
    const missing = check('no-such-program', 'x');
    await expect(missing.result).rejects.toThrow('Image health check exited with code 127');
    expect(missing.of('health')).toContain('The command "no-such-program" was not found in the image.');
    // No network at all, not even the loopback of the machine.
    const offline = check('sh', '-c "cat /proc/net/route | wc -l"');
    await offline.result;
    expect(offline.of('health').at(-1)).toBe('1');
    expect(await leftovers(root)).toEqual([]);
  });

  test('an inherited entry point is ignored', async () => {
    const engine = await open();
    const url = repository({
      Dockerfile: `${BASE}ENTRYPOINT ["/bin/false"]\nFROM debian:bookworm-slim AS plain\nCMD x\n`,
    });
    const { digest } = await build(engine, { url }).result;
    expect((await run(engine, root, digest, 'true')).result.state).toBe('finished');
  });

  test('too long and cancelled builds end, whatever the daemon is doing; lines come while a step runs', async () => {
    const engine = await open();
    const word = randomUUID();
    const slow = repository({ Dockerfile: `${BASE}RUN echo ${word}; sleep 300\nCMD x\n` });
    await expect(build(engine, { url: slow }, { timeoutMs: 8_000 }).result).rejects.toMatchObject({
      step: 'image',
      message: 'Build took too long',
    });
    const cancel = new AbortController();
    const cancelled = build(engine, { url: slow }, { signal: cancel.signal });
    await expect.poll(() => cancelled.of('image'), { timeout: 30_000 }).toContain(word);
    cancel.abort();
    await expect(cancelled.result).rejects.toThrow('Build was cancelled');
    expect(await leftovers(root)).toEqual([]);
  });

  test('a registry that is down, and one that refuses, fail the push', async () => {
    const url = repository({ Dockerfile: `${BASE}CMD x\n` });
    // Somebody who hangs up at once.
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    for (const registry of [
      { address: `127.0.0.1:${port}`, credentials: null },
      { address: '127.0.0.1:5000', credentials: { username: 'slipway', password: 'wrong' } },
    ]) {
      const engine = await makeEngine('docker', root, { registry });
      const failed = build(engine, { url });
      await expect(failed.result).rejects.toMatchObject({
        step: 'push',
        exitCode: 1,
        message: 'Pushing the image failed with exit code 1',
      });
      expect(failed.of('push').length).toBeGreaterThan(1);
      expect(failed.of('push').join()).not.toContain('wrong');
    }
  });

  test('a run whose image is only in a registry that is down says so', async () => {
    const registry = { address: '127.0.0.1:9', credentials: null };
    const engine = await makeEngine('docker', root, { registry });
    const { result } = await run(engine, root, `sha256:${'0'.repeat(64)}`, 'true');
    expect(result).toMatchObject({ state: 'failed', exitCode: null, failure: { origin: 'engine' } });
    expect(result.failure?.reason).toMatch(
      /^The connector could not be started: the image 127\.0\.0\.1:9\/slipway\/.+@sha256:0{64} could not be fetched: .+\.$/,
    );
    expect(await leftovers(root)).toEqual([]);
  });
});
