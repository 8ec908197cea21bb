import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, hasDocker, labelled } from './support/docker.ts';
import { ServerProcess } from './support/server-process.ts';
import { eventually } from './support/wait.ts';

/** Whether any process of the machine, containers included, has this text in its command line. */
const isRunning = (marker: string): boolean =>
  readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
    } catch {
      return false;
    }
  });

const stepOf = (build: { steps: { name: string; status: string }[] }, name: string) =>
  build.steps.find((step) => step.name === name)?.status;

/*
 * The whole server with the engine docker, killed with -9 in the middle of its work. The daemon goes on; the next start
 * tells the truth about what was under way, and leaves nothing of it behind.
 */
describe.skipIf(!hasDocker)('killed with the engine docker', { timeout: 180_000 }, () => {
  let server: ServerProcess;
  const connectors: string[] = [];

  beforeAll(async () => {
    server = await ServerProcess.open({ SLIPWAY_ENGINE: 'docker' });
  }, 180_000);
  afterAll(async () => {
    await server.close();
    for (const id of connectors) {
      const images = await docker('image', 'ls', '--quiet', '--filter', `label=slipway.connector=${id}`);
      if (images.length > 0) await docker('image', 'rm', '--force', ...images);
    }
  });

  const make: ServerProcess['makeConnector'] = async (...of) => {
    const made = await server.makeConnector(...of);
    connectors.push(made.id);
    return made;
  };
  const get = async (path: string) => (await server.call('GET', path)).data;

  /** What has to hold of a build that was interrupted, and of the version it belongs to. */
  const expectBuilt = async (
    state: string,
    { id, version }: { id: string; version: string },
  ): Promise<void> => {
    expect(await server.settled(state)).toMatchObject({ status: 'done' });
    const build = await get(`/builds/${state}`);
    expect(build).toMatchObject({ status: 'done', commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    const { state: now, config } = await get(version);
    expect(now).toBe('built');
    expect(config.vcs['latest-commit']).toBe(build.commit);
    expect(build.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(config.docker).toMatchObject({
      'image-name': `slipway/${id}`,
      'image-tag': `1.0.0-${build.commit.slice(0, 12)}`,
    });
    // The digest names an image that is there.
    expect(await docker('image', 'inspect', '--format', '{{.Id}}', build.digest)).toEqual([build.digest]);
    const lines = (await get(`/states/${state}/logs`)).map(({ message }: { message: string }) => message);
    expect(lines).toContain('The worker was lost; the build begins again.');
    expect(await labelled(`slipway.work=${state}`)).toEqual([]);
    expect(readdirSync(`${server.home}/engine/builds`)).toEqual([]);
  };

  test('during the step image: the next start finishes the build', async () => {
    const marker = `9${Math.floor(Math.random() * 1e8)}`;
    const { id, version } = await make('docker-slow-image', {
      // Slow only the first time, which the cache remembers: the build is caught in the middle, its repetition is quick.
      Dockerfile: `FROM node:24-slim
RUN --mount=type=cache,id=${marker},target=/seen if [ ! -e /seen/begun ]; then touch /seen/begun; sleep ${marker}; fi
CMD ["node", "main.mjs"]
`,
    });
    const state = await server.begin('/builds/connectors', { connector: id });
    await eventually(async () => isRunning(`sleep\0${marker}`), Boolean, 60);
    expect(stepOf(await get(`/builds/${state}`), 'image')).toBe('running');
    expect((await get(version)).state).toBe('building');
    await server.killAndRestart();
    await expectBuilt(state, { id, version });
    expect(isRunning(marker)).toBe(false);
  });

  test('during the health check: its container is removed, and the build finished', async () => {
    const { id, version } = await make(
      'docker-slow-health',
      {
        Dockerfile: 'FROM node:24-slim\nCOPY . .\nCMD ["node", "main.mjs"]\n',
        'main.mjs': 'await new Promise((resolve) => setTimeout(resolve, 3_000));',
      },
      { 'health-check': 'check' },
    );
    const state = await server.begin('/builds/connectors', { connector: id });
    const containers = () => docker('ps', '--quiet', '--no-trunc', '--filter', `label=slipway.work=${state}`);
    const [container = ''] = await eventually(containers, ({ length }) => length > 0, 60);
    await server.killAndRestart();
    await expectBuilt(state, { id, version });
    expect(await docker('ps', '--all', '--quiet', '--no-trunc')).not.toContain(container);
  });

  test('during a run: it goes on without its server, and the next one records its true end', async () => {
    const { id, version } = await make('docker-slow-run', {
      // A volume of its own, which is to go with the container.
      Dockerfile: 'FROM node:24-slim\nCOPY . .\nVOLUME /scratch\nCMD ["node", "main.mjs"]\n',
      'main.mjs': `
        const post = async (path, body) => {
          const response = await fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
          if (response.status !== 201) throw new Error(String(response.status));
        };
        for (let n = 0; n < 100; n++) {
          await post('/output/output', { data: [{ n }] });
          console.log('printed ' + n);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      `,
    });
    await server.settled(await server.begin('/builds/connectors', { connector: id }));
    await server.settled(await server.begin(`${version}/sync/dev`));
    const run = (await server.call('POST', '/runs', { connector: id })).data.run.uuid;
    const messages = async (): Promise<string[]> =>
      (await get(`/runs/${run}/logs?limit=1000`)).map(({ message }: { message: string }) => message);
    await eventually(messages, (lines) => lines.includes('printed 3'), 60);
    const volumes = await docker(
      ...['inspect', '--format', '{{range .Mounts}}{{if .Name}}{{.Name}}{{end}}{{end}}'],
      `slipway-${run}-connector`,
    );
    expect(volumes).toHaveLength(1);
    await server.end('SIGKILL');
    // Time in which nobody watches.
    await sleep(1_000);
    expect(await docker('ps', '--format', '{{.Names}}')).toContain(`slipway-${run}-connector`);
    await server.start();
    const ended = await eventually(
      () => get(`/runs/${run}`),
      ({ state }) => state !== 'running',
      60,
    );
    expect(ended).toMatchObject({ state: 'finished', 'exit-code': 0 });
    const numbers = Array.from({ length: 100 }, (_item, n) => n);
    expect((await messages()).filter((line) => line.startsWith('printed'))).toEqual(
      numbers.map((n) => `printed ${n}`),
    );
    expect(await get(`/runs/${run}/output?limit=1000`)).toEqual(numbers.map((n) => ({ n: String(n) })));
    expect(await labelled(`slipway.work=${run}`)).toEqual([]);
    expect(await docker('volume', 'ls', '--quiet')).not.toContain(volumes[0]);
  });

  test('during a run that nobody can go on with: it is failed truthfully', async () => {
    const { id, version } = await make('docker-lost-run', {
      Dockerfile: 'FROM node:24-slim\nCOPY . .\nCMD ["node", "main.mjs"]\n',
      'main.mjs': "console.log('printed'); await new Promise((resolve) => setTimeout(resolve, 100_000));",
    });
    await server.settled(await server.begin('/builds/connectors', { connector: id }));
    await server.settled(await server.begin(`${version}/sync/dev`));
    const run = (await server.call('POST', '/runs', { connector: id })).data.run.uuid;
    await eventually(
      () => get(`/runs/${run}/logs`),
      (lines) => lines.some(({ message }: { message: string }) => message === 'printed'),
      60,
    );
    await server.end('SIGKILL');
    await docker('rm', '--force', `slipway-${run}-connector`);
    await server.start();
    await eventually(
      () => get(`/runs/${run}`),
      ({ state }) => state === 'failed',
      60,
    );
    expect((await get(`/runs/${run}/stats`)).failure).toEqual({
      origin: 'engine',
      reason: 'The machine that ran the connector was lost.',
    });
    // The sidecar, the guard and the network went too.
    expect(await labelled(`slipway.work=${run}`)).toEqual([]);
  });
});
