import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import type { Engine } from '../../src/index.ts';
import { makeEngine } from '../support.ts';

const answers = process.env.CI !== undefined || spawnSync('docker', ['info']).status === 0;

/** A second daemon can be started by root alone, where the first one works. */
export const mayOwnDaemon =
  answers && process.getuid?.() === 0 && spawnSync('dockerd', ['--version']).status === 0;

/** A daemon of a test's own: the machine's belongs to everybody, so it is not for restarting, killing or filling. */
export class OwnDaemon {
  readonly docker: Docker;
  readonly host: string;
  readonly #root: string;
  #child: ChildProcess | null = null;

  /** @param root folder of the test; the daemon's data lies in `data` below it */
  constructor(root: string) {
    this.#root = root;
    const socketPath = join(root, 'docker.sock');
    this.docker = new Docker({ socketPath });
    this.host = `unix://${socketPath}`;
  }

  /** Where the daemon keeps images and containers. */
  get dataFolder(): string {
    return join(this.#root, 'data');
  }

  /** Starts it, unless it runs. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    mkdirSync(this.dataFolder, { recursive: true });
    const log = openSync(this.#logFile, 'a');
    const child = spawn(
      'unshare',
      [
        // In a network of its own: a second daemon would take the bridge of the first one away.
        ...['--net', 'dockerd'],
        ...['--host', this.host, '--data-root', this.dataFolder, '--exec-root', join(this.#root, 'exec')],
        ...['--pidfile', join(this.#root, 'docker.pid')],
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#child = child;
    // Hooks start it too, where the test's own polling can not be used.
    while ((await this.docker.ping().then(String, () => '')) !== 'OK') {
      if (child.exitCode !== null) {
        const said = readFileSync(this.#logFile, 'utf8').slice(-1000);
        throw new Error(`dockerd ended with ${child.exitCode}: ${said}`);
      }
      await sleep(100);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === null || !this.#isRunning) return;
    child.kill(signal);
    await once(child, 'exit');
    // Its containerd goes with it. Where nobody collects the dead at once, its number would count as one that lives.
    rmSync(join(this.#root, 'exec/containerd/containerd.pid'), { force: true });
  }

  /** Gives it a base image and the sidecar's, which come from the machine's daemon: there need be no registry. */
  async load(): Promise<void> {
    const { sidecarImage } = await makeEngine('docker', this.#root);
    const archive = join(this.#root, 'images.tar');
    const names = ['debian:bookworm-slim', sidecarImage ?? ''];
    execFileSync('docker', ['save', '--output', archive, ...names]);
    execFileSync('docker', ['--host', this.host, 'load', '--quiet', '--input', archive]);
  }

  /** An engine over it. */
  engine(): Promise<Engine> {
    return makeEngine('docker', this.#root, { host: this.host });
  }

  get #isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get #logFile(): string {
    return join(this.#root, 'dockerd.log');
  }

  /** Ends it, and unmounts what a killed daemon leaves mounted, which would keep the folder. */
  async remove(): Promise<void> {
    await this.stop();
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const place of mounts.filter((path) => path.startsWith(`${this.#root}/`)).reverse()) {
      spawnSync('umount', ['--lazy', place]);
    }
  }
}
