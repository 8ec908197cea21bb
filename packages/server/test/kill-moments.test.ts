import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../container-api/test/seeded.ts';
import { ServerProcess } from './support/server-process.ts';
import { eventually } from './support/wait.ts';
import { expectEachOnce, notedCalls, type WritingRun, writingScript } from './support/writing-run.ts';

/** So many runs are killed in the middle of their writing, each at a random moment of its own. */
const MOMENTS = 100;
/** So many runs write when the server is killed; as many others, hit by the kill before, are taken up meanwhile. */
const AT_ONCE = 2;
const SEED = Number(process.env.SLIPWAY_TEST_SEED ?? 20_260_511);

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.open();
});
afterAll(() => server.close());

test(`${MOMENTS} runs are killed with the server while they write: what was acknowledged is there, once`, {
  timeout: 600_000,
}, async () => {
  const random = seeded(SEED);
  const notesOf = (run: string) => join(server.home, `acknowledged-${run}`);
  const script = writingScript(`'${notesOf('')}' + process.env.SLIPWAY_RUN_ID`);
  const places: { id: string; site: number }[] = [];
  for (let index = 0; index < 2 * AT_ONCE; index++) {
    places.push(await server.deployConnector(`writing-${index}`, script));
  }

  const begin = async ({ id, site }: (typeof places)[number]): Promise<WritingRun> => {
    const { run, 'process-id': process } = (await server.call('POST', '/runs', { connector: id })).data;
    await eventually(
      () => notedCalls(notesOf(run.uuid)),
      (count) => count > 0,
    );
    return { run: run.uuid, process, site };
  };
  /** A run that was hit has ended truthfully, and its site is free. */
  const check = async (hit: WritingRun, hint: string): Promise<void> => {
    await eventually(
      async () => (await server.call('GET', `/platform/sites/${hit.site}`)).data,
      (site) => site['processing-status'] === 'idle',
    );
    const { data } = await server.call('GET', `/runs/${hit.run}/stats`);
    expect(data.failure, hint).toEqual({
      origin: 'engine',
      reason: 'The machine that ran the connector was lost.',
    });
    // The call that was on its way may be there too.
    const noted = notedCalls(notesOf(hit.run));
    await expectEachOnce(server, hit, { from: noted, to: noted + 1 }, hint);
  };

  let hit: WritingRun[] = [];
  for (let kill = 1; kill <= MOMENTS / AT_ONCE; kill++) {
    const hint = `seed ${SEED}, kill ${kill}`;
    const free = places.slice(kill % 2 === 0 ? AT_ONCE : 0).slice(0, AT_ONCE);
    const before = hit;
    const [writing] = await Promise.all([
      Promise.all(free.map(begin)),
      Promise.all(before.map((run) => check(run, hint))),
    ]);
    hit = writing;
    await sleep(random() * 250);
    await server.killAndRestart();
  }
  for (const run of hit) await check(run, `seed ${SEED}, the last kill`);
});
