import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from './database.ts';

const token = 'a-token-for-tests-with-more-than-32-characters';
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The whole server as a process of its own, on a database and in a home of its own: a test may kill it. */
export class ServerProcess {
  readonly home: string;
  readonly databaseUrl: string;
  readonly #environment: Record<string, string>;
  #child: ChildProcess | null = null;
  #url = '';

  private constructor(home: string, databaseUrl: string, environment: Record<string, string>) {
    this.home = home;
    this.databaseUrl = databaseUrl;
    this.#environment = environment;
  }

  /** @param environment settings as an operator gives them */
  static async start(environment: Record<string, string>): Promise<ServerProcess> {
    const { url } = await createTestDatabase();
    const server = new ServerProcess(mkdtempSync(join(tmpdir(), 'slipway-kill-')), url, environment);
    await server.start();
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** Starts it, at first or after {@link end}. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [main], {
      env: {
        PATH: process.env.PATH,
        SLIPWAY_DATABASE_URL: this.databaseUrl,
        SLIPWAY_HOME: this.home,
        SLIPWAY_PORT: '0',
        SLIPWAY_DEMO: 'false',
        SLIPWAY_LOG_LEVEL: 'error',
        SLIPWAY_ADMIN_TOKEN: token,
        SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
        SLIPWAY_LOCAL_REPOSITORIES_ROOT: this.#repositories,
        ...this.#environment,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += chunk;
      const url = /ready at (\S+)/.exec(printed)?.[1];
      if (url) {
        child.stdout.resume();
        this.#url = url;
        return;
      }
    }
    throw new Error(`The server did not start: ${printed}`);
  }

  end(signal: NodeJS.Signals): Promise<void> {
    return new Promise((resolve) => {
      this.#child?.once('exit', () => resolve());
      this.#child?.kill(signal);
    });
  }

  async killAndRestart(): Promise<void> {
    await this.end('SIGKILL');
    await this.start();
  }

  /** Ends it well, and removes its home. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Sends a request as the first admin. */
  fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The same, for the body of a success. @throws for every other answer */
  // biome-ignore lint/suspicious/noExplicitAny: answers of several operations
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.fetch(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Starts work in the background; gives the id of its state. */
  async begin(path: string, body?: unknown): Promise<string> {
    return (await this.call('POST', path, body)).data.state.uuid;
  }

  /** The state of such work when it is over. */
  async settled(state: string) {
    return await until(
      async () => (await this.call('GET', `/states/${state}`)).data,
      ({ status }) => status !== 'pending',
    );
  }

  /** A connector whose repository has the given files, configured (`node main.mjs`) and with a dev account. */
  async makeConnector(
    name: string,
    files: Record<string, string>,
    application: { 'health-check'?: string } = {},
  ): Promise<{ id: string; version: string }> {
    const folder = join(this.#repositories, name);
    mkdirSync(folder, { recursive: true });
    const all = { Dockerfile: 'FROM node:24-slim\nCMD ["node"]\n', 'main.mjs': '', ...files };
    for (const [path, text] of Object.entries(all)) writeFileSync(join(folder, path), text);
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd: folder });
    git('init', '--quiet', '--initial-branch', 'main');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'One');
    const account = (await this.call('POST', '/platform/accounts', { name })).data.id;
    const connector = { 'connector-type': 'datasource', 'connector-name': name };
    const { id } = (await this.call('POST', '/connectors', connector)).data;
    const version = `/connectors/${id}/versions/1`;
    await this.call('PUT', `${version}/vcs-configs`, { authorization: 'public', url: folder });
    await this.call('PUT', `${version}/application-configs`, {
      command: 'node',
      arguments: 'main.mjs',
      ...application,
    });
    await this.call('PUT', `${version}/platform-dev-reference`, { account });
    return { id, version };
  }

  get #repositories(): string {
    return join(this.home, 'repositories');
  }
}

/** Asks until `done` holds; the patience is for slow machines, not a measure of speed. */
export async function until<T>(ask: () => Promise<T>, done: (value: T) => boolean, seconds = 20): Promise<T> {
  for (let tries = 0; tries < seconds * 20; tries += 1) {
    const value = await ask();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come about within ${seconds} seconds.`);
}
