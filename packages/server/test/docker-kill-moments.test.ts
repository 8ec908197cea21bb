import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFolder } from '@slipway/container-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seeded } from '../../container-api/test/seeded.ts';
import { docker, hasDocker } from './support/docker.ts';
import { ServerProcess } from './support/server-process.ts';
import { eventually } from './support/wait.ts';
import { expectEachOnce, notedCalls, writingScript } from './support/writing-run.ts';

const ROUNDS = 2;
const RUNS = 3;
/** What is in hand when a worker is lost is taken up twice at most (product.md 2.10). */
const KILLS = 2;
const SEED = Number(process.env.SLIPWAY_TEST_SEED ?? 20_260_511);

describe.skipIf(!hasDocker)('a server whose runs are containers', { timeout: 240_000 }, () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await ServerProcess.open({ SLIPWAY_ENGINE: 'docker' });
  });
  afterAll(() => server.close());

  test('is killed at random moments of writing runs: they go on to a good end, and all they wrote is there, once', async () => {
    const random = seeded(SEED);
    const script = writingScript(`process.env.SLIPWAY_EXCHANGE_DIR + '/acknowledged'`);
    const places: { id: string; site: number }[] = [];
    for (let index = 0; index < RUNS; index++) {
      places.push(await server.deployConnector(`surviving-${index}`, script));
    }

    const begin = async ({ id, site }: (typeof places)[number]) => {
      const { run, 'process-id': process } = (await server.call('POST', '/runs', { connector: id })).data;
      const { exchange } = runFolder(join(server.home, 'storage', 'runs', run.uuid));
      return { run: run.uuid as string, process, site, notes: join(exchange, 'acknowledged'), noted: 0 };
    };
    type Going = Awaited<ReturnType<typeof begin>>;
    const goesOn = async (going: Going): Promise<void> => {
      going.noted = await eventually(
        () => notedCalls(going.notes),
        (count) => count > going.noted,
      );
    };
    const endsWell = async (going: Going): Promise<void> => {
      const hint = `seed ${SEED}`;
      await writeFile(`${going.notes}.stop`, '');
      const { data } = await eventually(
        () => server.call('GET', `/runs/${going.run}`),
        (answer) => answer.data.state !== 'running',
      );
      expect(data, hint).toMatchObject({ state: 'finished', 'exit-code': 0 });
      // It ended well, so every call was acknowledged; the notes went with its exchange folder.
      const printed = await server.list<{ message: string }>(`/runs/${going.run}/logs?source=stdout`);
      expect(
        printed.map(({ message }) => message),
        hint,
      ).toEqual([expect.stringMatching(/^\d+ calls$/)]);
      const calls = Number.parseInt(printed[0]!.message, 10);
      expect(calls, hint).toBeGreaterThanOrEqual(going.noted);
      await expectEachOnce(server, going, { from: calls, to: calls }, hint);
    };

    for (let round = 0; round < ROUNDS; round++) {
      const runs = await Promise.all(places.map(begin));
      for (let kill = 0; kill < KILLS; kill++) {
        // Whatever becomes of the server, they go on.
        await Promise.all(runs.map(goesOn));
        await sleep(random() * 700);
        await server.killAndRestart();
      }
      await Promise.all(runs.map(goesOn));
      for (const run of runs) await endsWell(run);
    }
    const images = places.map(({ id }) => docker('image', 'ls', '--quiet', `slipway/${id}`));
    await docker('image', 'rm', '--force', ...(await Promise.all(images)).flat());
  });
});
