import { join } from 'node:path';
import { migrate } from '../packages/server/src/database/migrate.ts';
import type { Comparison } from './harness.ts';
import { rate } from './load.ts';
import { startTarget } from './targets/target.ts';

/** The API's two hottest operations against a bare Fastify with the same SQL on the same database. */
export async function apiComparisons(
  folder: string,
  databaseUrl: string,
): Promise<{ comparisons: Comparison[]; stop: () => Promise<void> }> {
  await migrate(databaseUrl);
  const environment = {
    SLIPWAY_DATABASE_URL: databaseUrl,
    SLIPWAY_HOME: join(folder, 'home'),
    SLIPWAY_PORT: '0',
    SLIPWAY_DEMO: 'false',
  };
  const ours = await startTarget<{ url: string; token: string }>('server', environment);
  const headers = { authorization: `Bearer ${ours.ready.token}` };
  const body = JSON.stringify({ 'connector-type': 'datasource', 'connector-name': 'Bench' });
  // Both sides list the same hundred connectors, whatever the creations add behind them.
  await rate({
    url: `${ours.ready.url}/connectors`,
    method: 'POST',
    headers,
    body,
    connections: 2,
    amount: 120,
  });
  const bare = await startTarget<{ url: string }>('bare-fastify', environment);

  const list = (url: string) =>
    rate({ url: `${url}/connectors?limit=100`, headers, connections: 2, amount: 60 });
  const create = (url: string) =>
    rate({ url: `${url}/connectors`, method: 'POST', headers, body, connections: 4, amount: 400 });
  const authenticated = (url: string) => rate({ url, headers, connections: 4, amount: 400 });
  return {
    comparisons: [
      {
        name: 'token check on a bare authenticated route',
        unit: 'req/s',
        better: 'higher',
        ours: () => authenticated(`${bare.ready.url}/checked`),
        bare: () => authenticated(`${bare.ready.url}/authenticated`),
        target: { kind: 'ratio', atLeast: 0.9 },
      },
      {
        name: 'GET /connectors?limit=1 with all its checks',
        unit: 'req/s',
        better: 'higher',
        ours: () => authenticated(`${ours.ready.url}/connectors?limit=1`),
        bare: () => authenticated(`${bare.ready.url}/authenticated`),
        // As for a creation: one row costs so little that what every request passes weighs most.
        target: { kind: 'ratio', atLeast: 0.6 },
      },
      {
        name: 'GET /connectors?limit=100',
        unit: 'req/s',
        better: 'higher',
        ours: () => list(ours.ready.url),
        bare: () => list(bare.ready.url),
        target: { kind: 'ratio', atLeast: 0.7 },
      },
      {
        name: 'POST /connectors',
        unit: 'req/s',
        better: 'higher',
        ours: () => create(ours.ready.url),
        bare: () => create(bare.ready.url),
        target: { kind: 'ratio', atLeast: 0.6 },
      },
    ],
    stop: async () => {
      await ours.stop();
      await bare.stop();
    },
  };
}
