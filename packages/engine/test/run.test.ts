import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteWords } from '@slipway/contract';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RUN_LIMITS, type RunSettings, type Sidecar, type StartSidecar } from '../src/index.ts';
import {
  ALL_ENGINES,
  buildFiles,
  identityOf,
  isRunning,
  listeningSidecar,
  makeEngine,
  planOf,
  readJournal,
  run,
  temporaryFolder,
  testWith,
} from './support.ts';

/** Command line of an inline shell script. */
function sh(script: string): string {
  return quoteWords(['sh', '-c', script]);
}

/*
 * One suite for all engines: what differs by nature is asked for by name here, and listed in docs/engines.md.
 */
describe.each(ALL_ENGINES)('engine %s', { timeout: 120_000 }, (name) => {
  const inDocker = name === 'docker';
  /** Scenarios that need a sidecar or a log in the test's own process, which a container can not have. */
  const testInProcess = (
    ...scenario: [name: string, body: () => Promise<void>, timeoutMs?: number]
  ): void => {
    if (!inDocker) test(...scenario);
  };

  async function setUp(files: Record<string, string> = { 'a.txt': 'a' }) {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const digest = await buildFiles(engine, root, files);
    return {
      root,
      engine,
      digest,
      go: (words: string, more: Parameters<typeof run>[4] = {}, summary: Parameters<typeof run>[5] = {}) =>
        run(engine, root, digest, words, more, summary),
    };
  }

  test('captures both streams, also through /dev/stderr, and the last line without a break', async () => {
    const { go } = await setUp({
      'main.sh': '#!/bin/sh\necho out; echo err >&2; echo again > /dev/stderr; printf last\n',
    });
    const ran = await go('./main.sh');
    expect(ran.result).toMatchObject({
      state: 'finished',
      exitCode: 0,
      failure: null,
      commandLine: './main.sh',
    });
    expect(ran.of('stdout')).toEqual(['out', 'last']);
    expect(ran.of('stderr')).toEqual(['err', 'again']);
    expect(ran.lines.find((line) => line.source === 'stderr')?.level).toBe('error');
    expect(ran.result.logLines).toEqual({ stdout: 2, stderr: 2 });
  });

  test('stdin is empty and there is no terminal', async () => {
    const { go } = await setUp();
    const ran = await go(sh('cat; test -t 0 || echo none; wc -c < /dev/stdin'));
    expect(ran.of('stdout')).toEqual(['none', '0']);
  });

  testWith('/usr/bin/python3')('settings become variables in one mode and options in the other', async () => {
    const { go } = await setUp({
      'show.py': 'import os,sys,json\nprint(json.dumps([dict(os.environ),sys.argv[1:]]))\n',
    });
    const settings: RunSettings = {
      mode: 'as-env-variables',
      individual: [
        { name: 'my-text', value: 'line one\nline "two" $HOME' },
        { name: 'newColumn', value: 'ä' },
        { name: 'clash', value: 'individual' },
      ],
      authentications: [{ name: 'pup-auth-token', value: 'auth' }],
      secrets: [
        { name: 'shop-key', value: 'secret' },
        { name: 'CLASH', value: 'wins' },
      ],
    };
    const first = await go('/usr/bin/python3 show.py', { settings });
    const [environment, words] = JSON.parse(first.of('stdout')[0]!);
    expect(words).toEqual([]);
    expect(environment).toMatchObject({
      MY_TEXT: 'line one\nline "two" $HOME',
      NEWCOLUMN: 'ä',
      newColumn: 'ä',
      PUP_AUTH_TOKEN: 'auth',
      SHOP_KEY: 'secret',
      CLASH: 'wins',
      clash: 'individual',
      TZ: 'UTC',
      // In a container the image decides.
      ...(inDocker ? {} : { LANG: 'C.UTF-8' }),
      SLIPWAY_RUN_ID: first.runId,
      SLIPWAY_SITE_ID: '7',
      SLIPWAY_STAGE: 'import',
      SLIPWAY_ENVIRONMENT: 'dev',
      SLIPWAY_CONNECTOR_VERSION: '2.0.0',
    });
    // Nothing of the server: only what the contract names, PWD, which the sandbox sets, and a container's HOSTNAME.
    const allowed =
      /^(MY_TEXT|NEWCOLUMN|newColumn|PUP_AUTH_TOKEN|SHOP_KEY|CLASH|clash|TZ|LANG|PATH|HOME|TMPDIR|PWD|LC_CTYPE|HOSTNAME|CONTAINER_API_URL|SLIPWAY_\w+|https?_proxy|HTTP_PROXY|no_proxy|NO_PROXY|NODE_USE_ENV_PROXY)$/;
    expect(Object.keys(environment).filter((key) => !allowed.test(key))).toEqual([]);
    const second = await go('/usr/bin/python3 show.py "a b"', {
      settings: { ...settings, mode: 'as-command-options' },
    });
    const [plain, options] = JSON.parse(second.of('stdout')[0]!);
    expect(options).toEqual([
      'a b',
      '--my-text=line one\nline "two" $HOME',
      '--newColumn=ä',
      '--clash=individual',
      '--pup-auth-token=auth',
      '--shop-key=secret',
      '--CLASH=wins',
    ]);
    expect(plain).not.toHaveProperty('MY_TEXT');
    expect(plain).toHaveProperty('SLIPWAY_RUN_ID');
  });

  test('the command line is recorded quoted and masked', async () => {
    const { go } = await setUp();
    const ran = await go("sh -c 'true' x", {
      settings: {
        mode: 'as-command-options',
        individual: [{ name: 'key', value: 'hunter22 ' }],
        authentications: [],
        secrets: [],
      },
      mask: (text) => text.replaceAll('hunter22', '***'),
    });
    expect(ran.result.commandLine).toBe("sh -c true x '--key=*** '");
  });

  test('a secret that spans lines, or lies where a long line is split, is masked by the stream', async () => {
    const { go } = await setUp();
    const secret = 'first\nsecond';
    const maskStream = () => {
      let held = '';
      return {
        push: (text: string) => {
          held = (held + text).replaceAll(secret, '***');
          const safe = held.slice(0, Math.max(0, held.length - secret.length + 1));
          held = held.slice(safe.length);
          return safe;
        },
        end: () => held,
      };
    };
    const script = `printf "%16380s" ""; sleep 0.1; printf "first\\n"; sleep 0.1; printf "second\\nend"`;
    const ran = await go(sh(script), { maskStream });
    expect(ran.of('stdout').map((line) => line.trim())).toEqual(['***', 'end']);
  });

  test('settings that can not be passed fail the run before it starts', async () => {
    const { go } = await setUp();
    const setting = (value: string): RunSettings => ({
      mode: 'as-env-variables',
      individual: [{ name: 'k', value }],
      authentications: [],
      secrets: [],
    });
    const large = await go('true', { settings: setting('x'.repeat(128 * 1024)) });
    expect(large.result).toMatchObject({
      state: 'failed',
      exitCode: null,
      startedAt: null,
      failure: { origin: 'engine', reason: 'The configuration is too large to be passed to the connector.' },
    });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of the shell
    const fits = await go(sh('echo "${#K}"'), { settings: setting('x'.repeat(128 * 1024 - 3)) });
    expect(fits.of('stdout')).toEqual([String(128 * 1024 - 3)]);
    const zero = await go('true', { settings: setting('a\0b') });
    expect(zero.result.failure).toEqual({
      origin: 'engine',
      reason: 'The connector could not be started: a setting holds a zero byte.',
    });
  });

  test('a connector may write to its files, and the bundle stays as it was', async () => {
    const { go } = await setUp({ 'data/a.txt': 'original\n' });
    const first = await go(
      sh('echo changed > data/a.txt; rm Dockerfile; echo new > new.txt; cat data/a.txt'),
    );
    expect(first.of('stdout')).toEqual(['changed']);
    const second = await go(sh('cat data/a.txt; ls'));
    expect(second.of('stdout')).toEqual(['original', 'Dockerfile', 'data']);
  });

  test('the exchange folder is shared and stays; home and temporary folder go', async () => {
    const { go, root } = await setUp();
    const ran = await go(
      sh(
        'echo x > "$SLIPWAY_EXCHANGE_DIR/file"; echo y > "$HOME/y"; echo z > "$TMPDIR/z"; echo "$SLIPWAY_EXCHANGE_DIR"',
      ),
    );
    expect(ran.result.state).toBe('finished');
    expect(readFileSync(join(ran.exchange, 'file'), 'utf8')).toBe('x\n');
    expect(ran.of('stdout')).toEqual([name === 'process' ? ran.exchange : '/data/productsup']);
    expect(readdirSync(join(root, 'engine/runs'))).toEqual([]);
  });

  test.each([
    [sh('exit 3'), 3, 'The connector exited with code 3.'],
    [sh('exit 255'), 255, 'The connector exited with code 255.'],
    [sh('kill -SEGV $$'), 139, 'The connector was ended by signal SIGSEGV.'],
    [sh('kill -TERM $$'), 143, 'The connector was ended by signal SIGTERM.'],
  ])('%s fails by the connector', async (words, exitCode, reason) => {
    const { go } = await setUp();
    const { result } = await go(words);
    expect(result).toMatchObject({ state: 'failed', exitCode, failure: { origin: 'connector', reason } });
  });

  test('programs that can not be started are told apart', async () => {
    const { go } = await setUp({
      'no-mode.sh': 'echo x\n',
      'lost.sh': '#!/no/such/interpreter\n',
      'dir/x': '',
    });
    const missing = await go('no-such-program --flag');
    expect(missing.result).toMatchObject({
      state: 'failed',
      exitCode: null,
      failure: { origin: 'connector', reason: 'The command "no-such-program" was not found in the image.' },
    });
    const reasons = [];
    for (const words of ['./missing.sh', './no-mode.sh', './lost.sh', './dir']) {
      reasons.push((await go(words)).result.failure);
    }
    expect(reasons).toEqual([
      { origin: 'connector', reason: 'The command "./missing.sh" was not found in the image.' },
      { origin: 'engine', reason: 'The connector could not be started: permission denied.' },
      { origin: 'engine', reason: 'The connector could not be started: its interpreter was not found.' },
      {
        origin: 'engine',
        // The init process of a container says the same of both.
        reason: `The connector could not be started: ${inDocker ? 'permission denied' : 'it is a directory'}.`,
      },
    ]);
  });

  test('a digest that was never built is no reason to hang', async () => {
    const { root, engine } = await setUp();
    const digest = `sha256:${'0'.repeat(64)}`;
    const { result } = await run(engine, root, digest, 'true');
    expect(result.failure).toEqual({
      origin: 'engine',
      reason: `The connector could not be started: the ${inDocker ? 'image' : 'bundle'} ${digest} is not on this machine.`,
    });
  });

  test('at the time limit the connector may still save its state', async () => {
    const { go } = await setUp();
    const ran = await go(sh('trap "echo saved; exit 0" TERM; echo ready; while :; do sleep 0.05; done'), {
      limits: { ...DEFAULT_RUN_LIMITS, timeoutSeconds: 1 },
    });
    expect(ran.result).toMatchObject({
      state: 'failed',
      failure: { origin: 'timeout', reason: 'The connector ran longer than 1 seconds.' },
    });
    expect(ran.of('stdout')).toEqual(['ready', 'saved']);
  });

  test('a connector that ignores SIGTERM is killed 10 seconds after a cancel', async () => {
    const { go } = await setUp();
    const cancel = new AbortController();
    const began = performance.now();
    const ran = await go(sh('trap "" TERM; while :; do sleep 1; done'), {
      signal: cancel.signal,
      onStarted: () => setTimeout(() => cancel.abort(), 300),
    });
    expect(ran.result).toMatchObject({
      state: 'cancelled',
      exitCode: 137,
      failure: { origin: 'cancelled', reason: 'The run was cancelled.' },
    });
    // The grace is a rule of the contract, not a measure of speed.
    expect(performance.now() - began).toBeGreaterThan(10_000);
  });

  test('a run that is cancelled before it starts never starts', async () => {
    const { go } = await setUp();
    const { result } = await go('true', { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ state: 'cancelled', exitCode: null, startedAt: null });
  });

  test('stop ends a run by its id', async () => {
    const { go, engine } = await setUp();
    const runId = randomUUID();
    const running = go('sleep 30', { identity: identityOf(runId) });
    await expect.poll(() => isRunning('sleep\x0030'), { timeout: 20_000 }).toBe(true);
    expect(await engine.stop(runId)).toBe(true);
    expect((await running).result.state).toBe('cancelled');
    expect(await engine.stop(runId)).toBe(false);
  });

  testWith('python3')('too much memory, also in a child, ends the run', async () => {
    const { go } = await setUp({
      'hog.py':
        'import subprocess,sys,time\nif len(sys.argv)>1:\n  x=bytearray(300*1024*1024)\n  time.sleep(30)\nelse:\n  subprocess.run([sys.executable,"hog.py","child"])\n',
    });
    const { result } = await go('python3 hog.py', { limits: { ...DEFAULT_RUN_LIMITS, memoryMb: 128 } });
    expect(result).toMatchObject({
      state: 'failed',
      // The kernel ends the child alone; other engines end the whole run.
      exitCode: inDocker ? 0 : 137,
      failure: { origin: 'out-of-memory', reason: 'The connector used more than 128 MiB of memory.' },
    });
    expect(result.memoryPeakMb ?? 0).toBeGreaterThan(inDocker ? -1 : 128);
  });

  test('no more processes than the limit', async () => {
    const { go } = await setUp();
    const words = sh('for i in $(seq 40); do sleep 20 & done; wait');
    const { result } = await go(words, { limits: { ...DEFAULT_RUN_LIMITS, processes: 20 } });
    expect(result.failure).toEqual({
      origin: 'connector',
      // The kernel refuses the next one, which ends this shell; other engines end the run.
      reason: inDocker ? 'The connector exited with code 2.' : 'The connector used more than 20 processes.',
    });
  });

  test('more files than the exchange folder may hold end the run', async () => {
    const { go } = await setUp();
    const words = sh(
      'cd "$SLIPWAY_EXCHANGE_DIR"; for i in 1 2 3 4; do head -c 4000000 /dev/zero > "f$i"; done; sleep 20',
    );
    const { result } = await go(words, { limits: { ...DEFAULT_RUN_LIMITS, exchangeBytes: 8 * 1024 * 1024 } });
    expect(result.failure).toEqual({
      origin: 'connector',
      reason: 'The connector used more than 8 MiB of disk space.',
    });
  });

  if (inDocker)
    test('what is written into the container counts as well', async () => {
      const { go } = await setUp();
      const words = sh('for i in 1 2 3 4; do head -c 4000000 /dev/zero > "/f$i"; done; sleep 60');
      const { result } = await go(words, {
        limits: { ...DEFAULT_RUN_LIMITS, exchangeBytes: 8 * 1024 * 1024 },
      });
      expect(result.failure).toEqual({
        origin: 'connector',
        reason: 'The connector used more than 8 MiB of disk space.',
      });
    });

  test('one file can not grow beyond the limit', async () => {
    const { go } = await setUp();
    const ran = await go(sh('sleep 0.3; head -c 20000000 /dev/zero > "$SLIPWAY_EXCHANGE_DIR/f"'), {
      limits: { ...DEFAULT_RUN_LIMITS, exchangeBytes: 8 * 1024 * 1024 },
    });
    expect(ran.result.state).toBe('failed');
    expect(readFileSync(join(ran.exchange, 'f')).length).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  test('children that outlive the connector are killed, even those that detached themselves', async () => {
    const { go } = await setUp();
    const marker = `9${Math.floor(Math.random() * 1e8)}`;
    const ran = await go(
      sh(`sleep ${marker} & setsid sleep ${marker} & setsid -f sleep ${marker}; echo done`),
    );
    expect(ran.result.state).toBe('finished');
    expect(ran.of('stdout')).toEqual(['done']);
    expect(isRunning(marker)).toBe(false);
  });

  /** Runs a connector whose lines are looked at one by one, since they are too many to be kept. */
  const goThrough = async (
    setting: Awaited<ReturnType<typeof setUp>>,
    words: string,
    take: (source: string, message: string) => void,
  ) => {
    const identity = identityOf(randomUUID());
    const folder = join(setting.root, 'run-folders', identity.runId);
    const ran = await setting.go(words, {
      identity,
      log: (_level, source, message) => take(source, message),
      // What is stored of a line is longer than the line.
      sidecar: planOf(folder, identity.runId, { limits: { 'log-mib': 1000 } }),
    });
    for await (const { source, message } of readJournal(folder)) take(source, message);
    return ran;
  };

  test('100 MB of output arrive whole and in order, whatever the log costs, and memory stays flat', {
    timeout: 240_000,
  }, async () => {
    const setting = await setUp({
      'flood.py':
        'import sys\nfor n in range(1000000): sys.stdout.write("%099d\\n" % n)\nsys.stdout.flush()\nsys.stderr.write("end")\n',
    });
    let count = 0;
    let wrong = 0;
    const others: string[] = [];
    const before = process.memoryUsage().rss;
    const ran = await goThrough(setting, 'python3 flood.py', (source, message) => {
      if (source !== 'stdout') others.push(message);
      else {
        if (message.length !== 99 || Number(message) !== count) wrong += 1;
        count += 1;
      }
    });
    expect(ran.result.state).toBe('finished');
    expect({ count, wrong, others }).toEqual({ count: 1_000_000, wrong: 0, others: ['end'] });
    expect(process.memoryUsage().rss - before).toBeLessThan(250 * 1024 * 1024);
  });

  test('beyond 100 MiB the rest is dropped, which one entry says, and the connector goes on', async () => {
    const setting = await setUp();
    let bytes = 0;
    const notes: string[] = [];
    const ran = await goThrough(
      setting,
      sh('head -c 130000000 /dev/zero | tr "\\0" x | fold -w 999 | head -c 125000000; exit 4'),
      (source, message) => {
        if (source === 'stdout') bytes += message.length + 1;
        else notes.push(message);
      },
    );
    expect(ran.result.exitCode).toBe(4);
    expect(Math.abs(bytes - 100 * 1024 * 1024)).toBeLessThanOrEqual(1);
    // In a container the first one is in the journal, which is read last.
    expect(notes.sort()).toEqual([
      'More than 100 MiB on stdout: the rest was dropped.',
      'The connector exited with code 4.',
    ]);
  });

  testInProcess('a slow log does not hold up the connector', async () => {
    const { go } = await setUp();
    let finishedAt = 0;
    let last = 0;
    const ran = await go(sh('seq 50000; date +%s%3N > "$SLIPWAY_EXCHANGE_DIR/end"'), {
      log: async (_level, source) => {
        if (source !== 'stdout') return;
        if (last % 1000 === 0) await sleep(20);
        last += 1;
        finishedAt = Date.now();
      },
    });
    const connectorEnd = Number(readFileSync(join(ran.exchange, 'end'), 'utf8'));
    expect(last).toBe(50_000);
    expect(finishedAt - connectorEnd).toBeGreaterThan(500);
  });

  testInProcess('output the sidecar lost fails the run', async () => {
    const { go } = await setUp();
    const lost = await go('true', {}, { outputFailed: true });
    const refused = await go('true', {}, { outputRefusedStatus: 413 });
    const stored = await go('true', {}, { failedProcess: { id: 'p1', cause: 'disk full' } });
    expect([lost.result.failure, refused.result.failure, stored.result.failure]).toEqual([
      { origin: 'engine', reason: 'The output could not be stored.' },
      { origin: 'connector', reason: 'A write to the output was refused with status 413.' },
      { origin: 'platform', reason: 'Process p1 failed: disk full.' },
    ]);
    expect(lost.result.exitCode).toBe(0);
  });

  testInProcess(
    'storage processes may finish after exit code 0, and are stopped after any other end',
    async () => {
      const { go } = await setUp();
      const finishing =
        (finishProcesses: Sidecar['finishProcesses']): StartSidecar =>
        async (listen) => ({ ...(await listeningSidecar().start(listen)), finishProcesses });
      const stopped: boolean[] = [];
      const startSidecar = finishing(async ({ aborted }) => void stopped.push(aborted));
      await go('true', { startSidecar });
      await go('false', { startSidecar });
      expect(stopped).toEqual([false, true]);
      const cancel = new AbortController();
      const cancelled = await go('true', {
        signal: cancel.signal,
        startSidecar: finishing(async (stop) => {
          cancel.abort();
          expect(stop.aborted).toBe(true);
        }),
      });
      expect(cancelled.result.state).toBe('cancelled');
    },
  );

  testInProcess('a sidecar that does not start is no hanging run', async () => {
    const { go } = await setUp();
    const { result } = await go('true', {
      startSidecar: () => Promise.reject(new Error('no port is free.')),
    });
    expect(result.failure).toEqual({
      origin: 'engine',
      reason: 'The connector could not be started: no port is free.',
    });
  });

  testWith('python3')('what is measured is plausible', async () => {
    const { go } = await setUp({
      'busy.py': 'import time\nx=b"x"*(60*1024*1024)\nfor i in range(8000000): pass\ntime.sleep(0.3)\n',
    });
    const { result } = await go('python3 busy.py');
    expect(result.memoryPeakMb).toBeGreaterThan(60);
    expect(result.memoryPeakMb).toBeLessThan(120);
    expect(result.cpuMs).toBeGreaterThan(50);
  });

  testInProcess('reap removes what belongs to nobody and nothing else', async () => {
    const { root, engine, digest } = await setUp();
    mkdirSync(join(root, 'engine/runs/old-run'), { recursive: true });
    mkdirSync(join(root, 'engine/runs/kept-run'), { recursive: true });
    mkdirSync(join(root, 'engine/runs/kept-run.health'), { recursive: true });
    const runId = randomUUID();
    const running = run(engine, root, digest, 'sleep 1', { identity: identityOf(runId) });
    await expect.poll(() => existsSync(join(root, 'engine/runs', runId))).toBe(true);
    expect(await engine.reap(new Set(['kept-run']))).toEqual(['old-run']);
    expect((await running).result.state).toBe('finished');
    expect(existsSync(join(root, 'engine/runs/kept-run'))).toBe(true);
    rmSync(join(root, 'engine'), { recursive: true });
    expect(await engine.reap(new Set())).toEqual([]);
  });
});
