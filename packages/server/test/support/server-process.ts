import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from './database.ts';
import { eventually } from './wait.ts';

const token = 'a-token-for-tests-with-more-than-32-characters';
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Hundreds of starts compile the same code once. */
const compiled = join(tmpdir(), 'slipway-test-compiled');

/** The whole server as a process of its own, which may be killed and started again on the same home and database. */
export class ServerProcess {
  readonly home: string;
  readonly databaseUrl: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | null = null;
  #url = '';

  private constructor(home: string, databaseUrl: string, settings: Readonly<Record<string, string>>) {
    this.home = home;
    this.databaseUrl = databaseUrl;
    this.#settings = settings;
  }

  /** Starts a server on a database and in a home folder of its own. */
  static async open(settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const home = mkdtempSync(join(tmpdir(), 'slipway-kill-'));
    const server = new ServerProcess(home, (await createTestDatabase()).url, settings);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [main], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: compiled,
        SLIPWAY_DATABASE_URL: this.databaseUrl,
        SLIPWAY_HOME: this.home,
        SLIPWAY_PORT: '0',
        SLIPWAY_DEMO: 'false',
        // Work that is taken up again is said as information; a test prints what is wrong.
        SLIPWAY_LOG_LEVEL: 'warn',
        SLIPWAY_ADMIN_TOKEN: token,
        SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
        SLIPWAY_LOCAL_REPOSITORIES_ROOT: this.#repositories,
        SLIPWAY_ENGINE: 'process',
        ...this.#settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += chunk;
      const url = /ready at (\S+)/.exec(printed)?.[1];
      if (!url) continue;
      child.stdout.resume();
      this.#url = url;
      return;
    }
    throw new Error(`The server did not start: ${printed}`);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = null;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  }

  async killAndRestart(): Promise<void> {
    await this.end('SIGKILL');
    await this.start();
  }

  /** Ends the server and removes its home. */
  async close(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }

  fetch(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response> {
    return fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** @throws for answers other than successes */
  // biome-ignore lint/suspicious/noExplicitAny: answers of several operations
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.fetch(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** All items of a list, page after page. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    const separator = path.includes('?') ? '&' : '?';
    let next: string | null = `${path}${separator}limit=1000`;
    while (next !== null) {
      const { data, metadata } = await this.call('GET', next);
      items.push(...data);
      next = metadata.next;
    }
    return items;
  }

  /** Begins an action; gives its background state. */
  async begin(path: string, body?: unknown): Promise<string> {
    return (await this.call('POST', path, body)).data.state.uuid;
  }

  /** Waits until a background state has ended. */
  settled(state: string) {
    return eventually(
      async () => (await this.call('GET', `/states/${state}`)).data,
      ({ status }) => status !== 'pending',
    );
  }

  /** A data source whose repository has the given files, configured (`node main.mjs`) and with a dev account. */
  async makeConnector(
    name: string,
    files: Readonly<Record<string, string>>,
    application: { 'health-check'?: string } = {},
  ): Promise<{ id: string; version: string }> {
    const folder = join(this.#repositories, name);
    mkdirSync(folder, { recursive: true });
    const all = { Dockerfile: 'FROM node:24-slim\nCOPY . .\nCMD ["node"]\n', 'main.mjs': '', ...files };
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

  /** The same, built and on a dev site of its own. */
  async deployConnector(
    name: string,
    script: string,
  ): Promise<{ id: string; version: string; site: number }> {
    const connector = await this.makeConnector(name, { 'main.mjs': script });
    await this.settled(await this.begin('/builds/connectors', { connector: connector.id }));
    await this.settled(await this.begin(`${connector.version}/sync/dev`));
    const { site } = (await this.call('GET', connector.version)).data.platform_dev_reference;
    return { ...connector, site };
  }

  get #repositories(): string {
    return join(this.home, 'repositories');
  }
}
