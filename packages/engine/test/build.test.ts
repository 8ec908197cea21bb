import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  BOTH_ENGINES,
  build,
  commitFiles,
  git,
  makeEngine,
  makeRepository,
  run,
  temporaryFolder,
  testWith,
} from './support.ts';

const DOCKERFILE = 'FROM scratch\nENV GREETING="hello there"\nCMD sh main.sh\n';

describe.each(BOTH_ENGINES)('engine %s', (name) => {
  async function setUp(files: Record<string, string> = {}) {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const url = makeRepository(root, { Dockerfile: DOCKERFILE, 'main.sh': 'echo "$GREETING"\n', ...files });
    return { root, engine, url };
  }

  test('a commit becomes a bundle; the same commit has the same digest, another has another', async () => {
    const { root, engine, url } = await setUp();
    const first = build(engine, { url }, { healthCheck: '-c true' });
    const built = await first.result;
    expect(built).toMatchObject({ commit: git(url, 'rev-parse', 'HEAD'), reused: false });
    expect(built.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(first.steps.map((step) => `${step.name} ${step.status}`)).toEqual([
      'prepare running',
      'prepare done',
      'clone running',
      'clone done',
      'check running',
      'check done',
      'image running',
      'image done',
      'health running',
      'health done',
      'push skipped',
    ]);
    commitFiles(url, {});
    const again = build(engine, { url }, { healthCheck: '-c "echo checked"' });
    expect(await again.result).toMatchObject({ digest: built.digest, reused: true });
    expect(again.of('health')).toEqual(['checked']);
    commitFiles(url, { 'main.sh': 'echo other\n' });
    expect((await build(engine, { url }).result).digest).not.toBe(built.digest);
    const ran = await run(engine, root, built.digest, 'sh main.sh');
    expect(ran.of('stdout')).toEqual(['hello there']);
    expect(readdirSync(join(root, 'engine/runs'))).toEqual([]);
    expect(readdirSync(join(root, 'engine/bundles', built.digest.slice(7), 'files'))).toEqual([
      'Dockerfile',
      'main.sh',
    ]);
  });

  test('bundles that nobody needs are removed, young ones and those in use stay', async () => {
    const { root, engine, url } = await setUp();
    const first = (await build(engine, { url }).result).digest;
    commitFiles(url, { 'main.sh': 'echo other\n' });
    const second = (await build(engine, { url }).result).digest;
    expect(await engine.prune(new Set(), 60_000)).toEqual([]);
    expect(await engine.prune(new Set([second]), 0)).toEqual([first]);
    expect(readdirSync(join(root, 'engine/bundles'))).toEqual([second.slice(7)]);
  });

  test('a folder of the repository is the working folder', async () => {
    const { root, engine, url } = await setUp({
      'sub/Dockerfile': 'FROM scratch\nCMD x\n',
      'sub/here.txt': 'here\n',
    });
    const { digest } = await build(engine, { url, directory: 'sub' }).result;
    const ran = await run(engine, root, digest, 'sh -c "cat here.txt ../main.sh"');
    expect(ran.of('stdout')).toEqual(['here', 'echo "$GREETING"']);
  });

  test.each([
    ['FROM a\n# x\nENTRYPOINT ["x"]\nCMD y\n', 'ENTRYPOINT is not supported. Use CMD instead.'],
    ['nonsense!\n', 'Dockerfile line 1: This line is no instruction.'],
  ])('the Dockerfile %j fails the check', async (Dockerfile, line) => {
    const { engine, url } = await setUp({ Dockerfile });
    const failed = build(engine, { url });
    await expect(failed.result).rejects.toMatchObject({
      message: 'Build docker image failed, with exit code 1',
      step: 'check',
      exitCode: 1,
    });
    expect(failed.lines).toContainEqual({ level: 'error', source: 'check', message: line });
    expect(failed.steps.at(-1)).toMatchObject({ name: 'check', status: 'failed' });
  });

  test('a missing Dockerfile, and a folder that leads out, fail; a missing CMD warns', async () => {
    const { engine, url } = await setUp({ 'none/a.txt': 'x', 'warn/Dockerfile': 'FROM a\n' });
    symlinkSync('/etc', join(url, 'out'));
    commitFiles(url, {});
    const none = build(engine, { url, directory: 'none' });
    await expect(none.result).rejects.toThrow('Build docker image failed, with exit code 1');
    expect(none.of('check')).toContain('There is no Dockerfile in none.');
    const out = build(engine, { url, directory: 'out' });
    await expect(out.result).rejects.toThrow('Build docker image failed, with exit code 1');
    const warned = build(engine, { url, directory: 'warn' });
    await warned.result;
    expect(warned.lines).toContainEqual({
      level: 'warning',
      source: 'check',
      message: 'The Dockerfile has no CMD in its final stage.',
    });
  });

  test('missing credentials and a failing clone have the contract’s texts', async () => {
    const { root, engine, url } = await setUp();
    const repository = { url, branch: 'main', access: null };
    await expect(build(engine, { url }, { repository }).result).rejects.toMatchObject({
      step: 'prepare',
      message: 'VCS secret from Vault is missing',
    });
    const clone = build(engine, { url, branch: 'nope' });
    await expect(clone.result).rejects.toMatchObject({
      step: 'clone',
      message: 'Git clone failed with exit code 128',
      exitCode: 128,
    });
    expect(readdirSync(join(root, 'engine/runs'))).toEqual([]);
  });

  test('health checks that fail, hang or do not exist fail the build', async () => {
    const { engine, url } = await setUp();
    await expect(build(engine, { url }, { healthCheck: '-c "exit 7"' }).result).rejects.toMatchObject({
      step: 'health',
      message: 'Image health check exited with code 7',
      exitCode: 7,
    });
    const began = performance.now();
    const hanging = build(engine, { url }, { healthCheck: '-c "sleep 60 & sleep 60"' });
    await expect(hanging.result).rejects.toThrow('Checking image health took too long');
    expect(performance.now() - began).toBeGreaterThan(5_000);
    const missing = build(engine, { url }, { command: 'no-such-program', healthCheck: 'x' });
    await expect(missing.result).rejects.toThrow('Image health check exited with code 127');
    expect(missing.of('health')).toContain('The command "no-such-program" was not found in the image.');
  });

  test('too long and cancelled builds end, whatever they were doing', async () => {
    const { root, engine, url } = await setUp({ 'slipway.yaml': 'install: sleep 60\n' });
    await expect(build(engine, { url }, { timeoutMs: 1_500 }).result).rejects.toMatchObject({
      step: 'image',
      message: 'Build took too long',
    });
    const cancel = new AbortController();
    const cancelled = build(engine, { url }, { signal: cancel.signal });
    setTimeout(() => cancel.abort(), 800);
    await expect(cancelled.result).rejects.toThrow('Build was cancelled');
    expect(cancelled.steps.at(-1)?.status).toBe('failed');
    expect(readdirSync(join(root, 'engine/runs'))).toEqual([]);
  });

  test('npm dependencies are installed, without development ones and without scripts', async () => {
    const { root, engine, url } = await setUp({
      'package.json': JSON.stringify({
        name: 'demo',
        version: '1.0.0',
        dependencies: { greeter: 'file:./greeter' },
        devDependencies: { tool: 'file:./tool' },
        scripts: { postinstall: 'touch pwned' },
      }),
      'greeter/package.json': '{"name":"greeter","version":"1.0.0","main":"index.js"}',
      'greeter/index.js': 'module.exports = "from a dependency";\n',
      'tool/package.json': '{"name":"tool","version":"1.0.0"}',
    });
    const { digest } = await build(engine, { url }).result;
    const ran = await run(
      engine,
      root,
      digest,
      `node -p 'require("greeter") + require("fs").existsSync("pwned")'`,
    );
    expect(ran.of('stdout')).toEqual(['from a dependencyfalse']);
    expect(readdirSync(join(root, 'engine/bundles', digest.slice(7), 'files/node_modules'))).not.toContain(
      'tool',
    );
  });

  test('an install command of slipway.yaml replaces the detection, sees nothing of ours, and may fail', async () => {
    const { root, engine, url } = await setUp({
      'package.json': '{"dependencies":{"does-not-exist-anywhere-4711":"1.0.0"}}',
      'slipway.yaml': `install:\n  - sh -c 'env > environment.txt'\n  - sh -c 'echo two > made.txt'\n`,
    });
    const { digest } = await build(engine, { url }).result;
    const files = join(root, 'engine/bundles', digest.slice(7), 'files');
    expect(readFileSync(join(files, 'made.txt'), 'utf8')).toBe('two\n');
    const names = readFileSync(join(files, 'environment.txt'), 'utf8')
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).not.toContain('VITEST');
    commitFiles(url, { 'slipway.yaml': `install: sh -c "echo broken >&2; exit 9"\n` });
    const failed = build(engine, { url });
    await expect(failed.result).rejects.toMatchObject({
      step: 'image',
      message: 'Build docker image failed, with exit code 9',
    });
    expect(failed.of('image')).toContain('broken');
    commitFiles(url, { 'slipway.yaml': 'install: {a: b}\n' });
    await expect(build(engine, { url }).result).rejects.toThrow(
      'Build docker image failed, with exit code 1',
    );
  });

  testWith('/usr/bin/python3', 'python3 -m pip --version')(
    'Python requirements are installed into the bundle',
    async () => {
      const { root, engine, url } = await setUp({
        'requirements.txt': '# local\n./greet-1.0-py3-none-any.whl\n',
      });
      // A wheel by hand, so that nothing has to come from the network.
      const script = [
        'import zipfile',
        'with zipfile.ZipFile("greet-1.0-py3-none-any.whl", "w") as wheel:',
        '  wheel.writestr("greet.py", "WORD = \'greeted\'\\n")',
        '  info = "greet-1.0.dist-info/"',
        '  wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: greet\\nVersion: 1.0\\n")',
        '  wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
        '  wheel.writestr(info + "RECORD", "")',
      ].join('\n');
      execFileSync('/usr/bin/python3', ['-c', script], { cwd: url });
      commitFiles(url, {});
      const { digest } = await build(engine, { url }).result;
      const ran = await run(engine, root, digest, `/usr/bin/python3 -c 'import greet; print(greet.WORD)'`);
      expect(ran.of('stdout')).toEqual(['greeted']);
    },
  );
});
