import { spawnSync } from 'node:child_process';
import { type ConnectorServer, prepareConnector, startConnectorServer } from './connector.ts';
import { median, type Result } from './harness.ts';

const lines = 100;
const everyMs = 70;
const atMostMs = 500;

/** Prints the time, again and again, when a reader has had time to come. */
const SCRIPT = `await new Promise((resolve) => setTimeout(resolve, 1_000));
for (let n = 0; n < ${lines}; n++) {
  await new Promise((resolve) => setTimeout(resolve, ${everyMs}));
  console.log('printed at ' + Date.now());
}
`;

/** The time from a connector's print to the arrival at a reader of the run's events, for each engine of this machine. */
export async function measureLatency(folder: string, databaseUrl: string): Promise<Result[]> {
  const engines = spawnSync('docker', ['info']).status === 0 ? ['process', 'docker'] : ['process'];
  const results: Result[] = [];
  for (const engine of engines) {
    const server = await startConnectorServer(folder, databaseUrl, engine);
    try {
      const connector = await prepareConnector(server, folder, `Clock ${engine}`, SCRIPT);
      const delays = await delaysOf(server, connector);
      const worst = Math.max(...delays);
      results.push({
        name: `log line from its print to a reader of events, engine ${engine}`,
        unit: 'ms',
        ours: median(delays),
        bare: 0,
        target: `≤ ${atMostMs} ms each`,
        value: `worst ${worst.toFixed(0)} ms`,
        met: delays.length === lines && worst <= atMostMs,
      });
    } finally {
      await server.target.stop();
    }
  }
  return results;
}

/** Runs the connector, reads its log by server-sent events, and tells how late each line was, in milliseconds. */
async function delaysOf({ target, call }: ConnectorServer, connector: string): Promise<number[]> {
  const run = (await call('POST', '/runs', { connector })).data.run.uuid;
  const response = await fetch(`${target.ready.url}/runs/${run}/logs`, {
    headers: { authorization: `Bearer ${target.ready.token}`, accept: 'text/event-stream' },
  });
  if (!response.ok || response.body === null) throw new Error(`The events answered ${response.status}.`);
  const delays: number[] = [];
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const now = Date.now();
    for (const [, printed] of text.matchAll(/printed at (\d+)/g)) delays.push(now - Number(printed));
  }
  return delays;
}
