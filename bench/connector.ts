import { join } from 'node:path';
import { makeRepository } from './repository.ts';
import { startTarget, type Target } from './targets/target.ts';

// biome-ignore lint/suspicious/noExplicitAny: the answers of several operations
export type Call = (method: string, path: string, body?: unknown) => Promise<any>;

/** A server under measurement that builds and runs connectors, with one request at a time. */
export interface ConnectorServer {
  readonly target: Target<{ url: string; token: string }>;
  readonly call: Call;
}

/** @param databaseUrl of an empty database, or one that such a server has filled */
export async function startConnectorServer(
  folder: string,
  databaseUrl: string,
  engine: string,
): Promise<ConnectorServer> {
  const target = await startTarget<{ url: string; token: string }>('server', {
    SLIPWAY_DATABASE_URL: databaseUrl,
    SLIPWAY_HOME: join(folder, 'home'),
    SLIPWAY_PORT: '0',
    SLIPWAY_DEMO: 'false',
    SLIPWAY_ENGINE: engine,
    SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
    SLIPWAY_LOCAL_REPOSITORIES_ROOT: join(folder, 'repositories'),
  });
  const call: Call = async (method, path, body) => {
    const response = await fetch(target.ready.url + path, {
      method,
      headers: { authorization: `Bearer ${target.ready.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  return { target, call };
}

/** From a script to a version that can be run; gives the connector's id. */
export async function prepareConnector(
  { call }: ConnectorServer,
  folder: string,
  name: string,
  script: string,
): Promise<string> {
  const repository = commitScript(join(folder, 'repositories', crypto.randomUUID()), script);
  const account = (await call('POST', '/platform/accounts', { name: `Bench ${Date.now()}` })).data.id;
  const connector = (
    await call('POST', '/connectors', { 'connector-type': 'datasource', 'connector-name': name })
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

const commitScript = (path: string, script: string): string =>
  makeRepository(path, {
    Dockerfile: 'FROM node:24-slim\nWORKDIR /app\nCOPY . .\nCMD ["node", "main.mjs"]\n',
    'main.mjs': script,
  });
