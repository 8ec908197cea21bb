import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { row } from './rows.ts';
import { startTarget } from './targets/target.ts';

/** Memory of the server's process (without PostgreSQL) in MiB. */
export interface Memory {
  rest: number;
  least: number;
  most: number;
  seconds: number;
}

const rows = 1_000_000;
const batch = 500;

/** The server's memory at rest, and while a run writes one million rows of twenty columns. */
export async function measureMemory(folder: string, databaseUrl: string): Promise<Memory> {
  const repositories = join(folder, 'repositories');
  const repository = makeRepository(join(repositories, 'million'));
  const target = await startTarget<{ url: string; token: string }>('server', {
    SLIPWAY_DATABASE_URL: databaseUrl,
    SLIPWAY_HOME: join(folder, 'home'),
    SLIPWAY_PORT: '0',
    SLIPWAY_DEMO: 'false',
    SLIPWAY_ENGINE: 'process',
    SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
    SLIPWAY_LOCAL_REPOSITORIES_ROOT: repositories,
  });
  try {
    const call = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(target.ready.url + path, {
        method,
        headers: { authorization: `Bearer ${target.ready.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
      // biome-ignore lint/suspicious/noExplicitAny: the answers of several operations
      return JSON.parse(text) as any;
    };
    const rest = resident(target.pid);
    const version = await prepare(call, repository);
    const samples: number[] = [];
    const sampling = setInterval(() => samples.push(resident(target.pid)), 250);
    const start = performance.now();
    const { data } = await call('POST', '/runs', { connector: version });
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

function makeRepository(path: string): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'Dockerfile'), 'FROM node:24-slim\nCMD ["node", "main.mjs"]\n');
  writeFileSync(
    join(path, 'main.mjs'),
    `const template = ${JSON.stringify(row(0))};
for (let start = 0; start < ${rows}; start += ${batch}) {
  const data = Array.from({ length: ${batch} }, (_value, index) => ({ ...template, id: start + index, sku: 'SKU-' + (start + index) }));
  const response = await fetch(process.env.CONTAINER_API_URL + '/output/output', { method: 'POST', body: JSON.stringify({ data }) });
  if (response.status !== 201) throw new Error(await response.text());
  await response.text();
}
`,
  );
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com', ...args], {
      cwd: path,
    });
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'A million rows');
  return path;
}

// biome-ignore lint/suspicious/noExplicitAny: the answers of several operations
type Call = (method: string, path: string, body?: unknown) => Promise<any>;

/** From a repository to a version that can be run; gives the connector's id. */
async function prepare(call: Call, repository: string): Promise<string> {
  const account = (await call('POST', '/platform/accounts', { name: `Bench ${Date.now()}` })).data.id;
  const connector = (
    await call('POST', '/connectors', { 'connector-type': 'datasource', 'connector-name': 'A million rows' })
  ).data.id;
  const version = `/connectors/${connector}/versions/1`;
  await call('PUT', `${version}/vcs-configs`, { authorization: 'public', url: repository });
  await call('PUT', `${version}/application-configs`, { command: 'node', arguments: 'main.mjs' });
  await call('PUT', `${version}/platform-dev-reference`, { account });
  for (const [path, body] of [
    ['/builds/connectors', { connector }],
    [`${version}/sync/dev`, undefined],
  ] as const) {
    const state = (await call('POST', path, body)).data.state.uuid;
    for (;;) {
      const { status, data } = (await call('GET', `/states/${state}`)).data;
      if (status === 'done') break;
      if (status === 'failed') throw new Error(JSON.stringify(data));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return connector;
}

/** Resident memory of a process in MiB. */
const resident = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
