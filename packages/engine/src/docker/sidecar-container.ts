import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import type { Container } from 'dockerode';
import type { RunRequest } from '../engine.ts';
import { prepareExchangeFolder } from '../run/exchange-folder.ts';
import type { Sidecar, SidecarListen, SidecarSummary } from '../run/sidecar.ts';
import { dockerMessage } from './client.ts';
import { awaitExit } from './container-end.ts';
import type { DockerHost } from './docker-host.ts';
import { readLines } from './image.ts';
import { workLabels } from './labels.ts';
import { nameOf, type RunNetwork, SIDECAR_NAME } from './run-network.ts';
import { sidecarUid, sidecarUser } from './sidecar-user.ts';

/** Folders as the sidecar sees them. */
const INSIDE = { run: '/data/run', bucket: '/data/bucket', config: '/run/slipway' } as const;
/** The exchange folder as the connector sees it (container-api.md 8.6). */
export const EXCHANGE_INSIDE = '/data/productsup';
/** After the end of a run its sidecar has so long to write its results when nothing waits for storage processes. */
const END_TIMEOUT_MS = 30_000;
/** So many characters of entries are sent together at most. */
const SEND_CHARACTERS = 64 * 1024;
/** The line that says that no more log lines come; see `takeLogLines` of the sidecar. */
const END_OF_LINES = JSON.stringify({ event: 'end' });

/** A log entry on its way to the journal. */
export interface SidecarEntry {
  readonly level: string;
  readonly source: string;
  readonly message: string;
  readonly context?: Record<string, unknown>;
}

/**
 * The sidecar of a run in a container: the program of `container-api/main.ts`, with the run's folder. It keeps the run's
 * log: lines are handed to its standard input and are in the journal from then on.
 */
export class SidecarContainer {
  readonly #host: DockerHost;
  readonly #request: RunRequest;
  #container: Container | null = null;
  #input: Duplex | null = null;
  #finishing = false;
  /** Entries that have not been sent yet, as lines. */
  #waiting = '';
  #sending: NodeJS.Immediate | undefined;

  constructor(host: DockerHost, request: RunRequest) {
    this.#host = host;
    this.#request = request;
  }

  /** Makes the container of a run, with its configuration. */
  async create(run: RunNetwork, image: string, configFolder: string, listen: SidecarListen): Promise<void> {
    const { sidecar: plan, identity } = this.#request;
    const { docker, installation } = this.#host;
    await this.#writeConfig(configFolder, listen);
    const mounts = [
      { Source: plan.folder, Target: INSIDE.run, ReadOnly: false },
      { Source: configFolder, Target: INSIDE.config, ReadOnly: true },
      ...(plan.bucketFolder === null
        ? []
        : [{ Source: plan.bucketFolder, Target: INSIDE.bucket, ReadOnly: false }]),
    ];
    const memory = 1024 ** 3;
    this.#container = await docker.createContainer({
      name: nameOf(identity.runId, 'sidecar'),
      Image: image,
      User: sidecarUser(),
      Entrypoint: ['node', '/opt/slipway/packages/container-api/src/main.ts'],
      Cmd: ['--config', `${INSIDE.config}/run.json`],
      OpenStdin: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Hostname: SIDECAR_NAME,
      Labels: workLabels(installation, identity.runId, 'sidecar'),
      HostConfig: {
        NetworkMode: run.name,
        Mounts: mounts.map((mount) => ({ Type: 'bind' as const, ...mount })),
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
        ReadonlyRootfs: true,
        Tmpfs: { '/tmp': 'rw,noexec,nosuid,size=64m' },
        Memory: memory,
        MemorySwap: memory,
        PidsLimit: 128,
        LogConfig: { Type: 'local', Config: {} },
      },
      NetworkingConfig: { EndpointsConfig: { [run.name]: { Aliases: [SIDECAR_NAME] } } },
    });
  }

  /** Takes up the container that an earlier server process has made. */
  adopt(container: Container): void {
    this.#container = container;
  }

  /** Starts the sidecar, or starts it again, and answers when every endpoint does; a running one is joined. */
  async start(): Promise<Sidecar> {
    const container = this.#container;
    if (container === null) throw new Error('the sidecar has no container');
    const { State } = await container.inspect();
    const input = await this.#attach(container);
    const { stdout, stderr } = split(container, input);
    const listening = Promise.withResolvers<void>();
    listening.promise.catch(() => {});
    let complaint = '';
    void readLines(stdout, (line) => line.includes('"event":"listening"') && listening.resolve()).catch(
      () => {},
    );
    stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    if (!State.Running) await container.start();
    const exited = awaitExit(container, this.#host.daemonAwayMs);
    if (!State.Running) {
      void exited.then(() =>
        listening.reject(new Error(complaint.trim() || 'the Container API ended at once')),
      );
      await listening.promise;
    }
    return this.#sidecar(container, exited);
  }

  /**
   * Hands an entry to the journal. Entries of a moment go together: each write is a way through the daemon.
   *
   * @returns a promise when the caller should wait before the next entry
   */
  write(entry: SidecarEntry): Promise<void> | undefined {
    // Without a sidecar the lines of the connector stay with the daemon, and are read again for the next one.
    if (this.#input === null || this.#input.destroyed) return undefined;
    if (this.#waiting === '') this.#sending = setImmediate(() => this.#send());
    this.#waiting += `${JSON.stringify(entry)}\n`;
    return this.#waiting.length < SEND_CHARACTERS ? undefined : this.#sendAll();
  }

  /** Sends what waits. False when the daemon can not take more for the moment. */
  #send(): boolean {
    clearImmediate(this.#sending);
    const text = this.#waiting;
    this.#waiting = '';
    return text === '' || this.#input === null || this.#input.destroyed || this.#input.write(text);
  }

  async #sendAll(): Promise<void> {
    const input = this.#input;
    if (this.#send() || input === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = ['drain', 'close'] as const;
    for (const event of events) input.on(event, resolve);
    await promise;
    for (const event of events) input.off(event, resolve);
  }

  async isRunning(): Promise<boolean> {
    return (await this.#container?.inspect())?.State.Running ?? false;
  }

  /** Lets go of the container, which lives on. */
  detach(): void {
    this.#finishing = true;
    this.#input?.destroy();
  }

  #sidecar(container: Container, exited: Promise<unknown>): Sidecar {
    const died = Promise.withResolvers<void>();
    void exited.then(() => this.#finishing || died.resolve());
    return {
      url: `http://${SIDECAR_NAME}`,
      port: 80,
      // The sidecar does both at its end, in this order.
      closeOutputs: async () => {},
      finishProcesses: (signal) => this.#finish(container, exited, signal),
      summary: () => this.#summary(),
      close: async () => {},
      died: died.promise,
    };
  }

  /** Tells the sidecar that the run is over, and waits until its results are written. */
  async #finish(container: Container, exited: Promise<unknown>, signal: AbortSignal): Promise<void> {
    this.#finishing = true;
    this.#send();
    this.#input?.write(`${END_OF_LINES}\n`);
    const say = (name: string) => container.kill({ signal: name }).catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const giveUp = () => {
      void say('SIGINT');
      timer = setTimeout(() => void say('SIGKILL'), END_TIMEOUT_MS);
    };
    if (signal.aborted) giveUp();
    else {
      signal.addEventListener('abort', giveUp, { once: true });
      await say('SIGTERM');
    }
    await exited;
    signal.removeEventListener('abort', giveUp);
    clearTimeout(timer);
    this.#input?.destroy();
  }

  async #summary(): Promise<SidecarSummary> {
    const summary = await this.#request.sidecar.readSummary();
    // Ended without a word: what it had not written is lost.
    return summary ?? { outputFailed: true, outputRefusedStatus: null, failedProcess: null };
  }

  async #attach(container: Container): Promise<Duplex> {
    this.#input?.destroy();
    // They are not in the journal, so they will be read again.
    this.#waiting = '';
    const input = (await container.attach({
      stream: true,
      hijack: true,
      stdin: true,
      stdout: true,
      stderr: true,
    })) as unknown as Duplex;
    input.on('error', () => {});
    this.#input = input;
    return input;
  }

  async #writeConfig(folder: string, listen: SidecarListen): Promise<void> {
    const { sidecar: plan } = this.#request;
    const paths = { folder: INSIDE.run, bucketFolder: plan.bucketFolder === null ? null : INSIDE.bucket };
    const config = {
      ...plan.config(paths, listen),
      secrets: { file: 'secrets.json' },
      'log-lines-from-stdin': true,
    };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await prepareExchangeFolder(this.#request.exchangeFolder);
    await writeFile(join(folder, 'run.json'), JSON.stringify(config), { mode: 0o600 });
    await writeFile(join(folder, 'secrets.json'), JSON.stringify(plan.secretValues), { mode: 0o600 });
    if (process.getuid?.() !== 0) return;
    for (const path of [folder, plan.folder, plan.bucketFolder]) if (path !== null) await giveAway(path);
  }
}

/** Hands a folder with everything in it to the sidecar's user. Links are not followed. */
async function giveAway(folder: string): Promise<void> {
  const user = sidecarUid();
  await chown(folder, user, user);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveAway(path);
    else if (entry.isFile()) await chown(path, user, user);
  }
}

function split(container: Container, stream: Duplex): { stdout: PassThrough; stderr: PassThrough } {
  const parts = { stdout: new PassThrough(), stderr: new PassThrough() };
  container.modem.demuxStream(stream, parts.stdout, parts.stderr);
  stream.once('close', () => {
    parts.stdout.end();
    parts.stderr.end();
  });
  return parts;
}

/** What the daemon said about a sidecar that could not be started. */
export const sidecarFailure = (error: unknown): Error =>
  new Error(`the Container API could not be started: ${dockerMessage(error)}`);
