import { prepareConnector, startConnectorServer } from './connector.ts';
import { residentMib } from './resident.ts';
import { row } from './rows.ts';

/** Memory of the server's process (without PostgreSQL) in MiB. */
export interface Memory {
  rest: number;
  least: number;
  most: number;
  seconds: number;
}

const rows = 1_000_000;
const batch = 500;

const SCRIPT = `const template = ${JSON.stringify(row(0))};
for (let start = 0; start < ${rows}; start += ${batch}) {
  const data = Array.from({ length: ${batch} }, (_value, index) => ({ ...template, id: start + index, sku: 'SKU-' + (start + index) }));
  const response = await fetch(process.env.CONTAINER_API_URL + '/output/output', { method: 'POST', body: JSON.stringify({ data }) });
  if (response.status !== 201) throw new Error(await response.text());
  await response.text();
}
`;

/** The server's memory at rest, and while a run writes one million rows of twenty columns. */
export async function measureMemory(folder: string, databaseUrl: string): Promise<Memory> {
  const server = await startConnectorServer(folder, databaseUrl, 'process');
  const { target, call } = server;
  try {
    const rest = residentMib(target.pid);
    const connector = await prepareConnector(server, folder, 'A million rows', SCRIPT);
    const samples: number[] = [];
    const sampling = setInterval(() => samples.push(residentMib(target.pid)), 250);
    const start = performance.now();
    const { data } = await call('POST', '/runs', { connector });
    try {
      for (;;) {
        const run = (await call('GET', `/runs/${data.run.uuid}`)).data;
        if (run.state === 'finished') break;
        if (run.state === 'failed')
          throw new Error(JSON.stringify((await call('GET', `/runs/${run.id}/stats`)).data));
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } finally {
      clearInterval(sampling);
    }
    // The first samples show the rise from rest to work, which is not what "flat" is about.
    const working = samples.slice(Math.floor(samples.length / 5));
    return {
      rest,
      least: Math.min(...working),
      most: Math.max(...working),
      seconds: (performance.now() - start) / 1000,
    };
  } finally {
    await target.stop();
  }
}
