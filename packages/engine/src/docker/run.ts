import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteWords, splitWords } from '@slipway/contract';
import type { Container } from 'dockerode';
import { RunDetachedError, type RunRequest, type RunResult } from '../engine.ts';
import type { LogSink } from '../log.ts';
import { signalOfExitCode } from '../run/failure.ts';
import { countLines } from '../run/journal-lines.ts';
import { SettingsTooLargeError, settingOptions } from '../run/settings.ts';
import type { SidecarSummary } from '../run/sidecar.ts';
import { SidecarKeeper } from '../run/sidecar-keeper.ts';
import { type ConnectorEnd, RunSupervisor } from '../run/supervisor.ts';
import { dockerMessage } from './client.ts';
import { createConnector } from './connector-container.ts';
import { ConnectorOutput } from './connector-output.ts';
import { acrossRestart, awaitExit, type ContainerEnd } from './container-end.ts';
import { DaemonLostError } from './container-output.ts';
import type { DockerHost } from './docker-host.ts';
import { fullDiskAdvice, isDiskFull, tellsOfFullDisk } from './full-disk.ts';
import { startGuard } from './guard.ts';
import { hasImage } from './image.ts';
import { findImage, pullImage } from './images.ts';
import { removeWork } from './leftovers.ts';
import { createRunNetwork, type RunNetwork, SIDECAR_NAME } from './run-network.ts';
import { EXCHANGE_INSIDE, SidecarContainer, sidecarFailure } from './sidecar-container.ts';
import { StartFailure } from './start-failure.ts';
import { UsageWatcher } from './usage-watcher.ts';
import { startWayOut } from './way-out.ts';

const LISTEN = {
  host: '0.0.0.0',
  port: 80,
  publicUrl: `http://${SIDECAR_NAME}`,
  // A connector in a container has its own way out, or none.
  forwardProxy: false,
  exchangePath: EXCHANGE_INSIDE,
} as const;

/** Exit codes of a program that was asked to end, or made to. */
const STOP_CODES = [143, 137];
/** A daemon that stops ends its containers at the same time; a sidecar needs a moment for it, in milliseconds. */
const SHUTDOWN_MS = 4_000;
const SHUTDOWN_LOOK_MS = 100;

/** One run in containers, from its network to its result. */
export class DockerRun {
  readonly #host: DockerHost;
  readonly #request: RunRequest;
  readonly #signal: AbortSignal;
  readonly #supervisor: RunSupervisor;
  readonly #sidecar: SidecarContainer;
  readonly #words: readonly string[];
  #keeper: SidecarKeeper | null = null;
  #output: ConnectorOutput | null = null;
  #usage: UsageWatcher | null = null;
  #guard: Container | null = null;
  #startedAt: Date | null = null;
  #summary: SidecarSummary | null = null;
  #journaling = false;
  #daemonLost = false;

  /** @param stop ends the run like a cancel; kept by the driver for {@link Engine.stop} */
  constructor(host: DockerHost, request: RunRequest, stop: AbortSignal) {
    this.#host = host;
    this.#request = request;
    this.#signal = AbortSignal.any([request.signal, stop]);
    this.#supervisor = new RunSupervisor({ ...request, log: this.#log });
    this.#sidecar = new SidecarContainer(host, request);
    this.#words = [...splitWords(request.command), ...splitWords(request.arguments ?? '')];
  }

  /** Runs the connector to its end and cleans up. */
  async run(): Promise<RunResult> {
    return await this.#toItsEnd(async () => {
      this.#signal.throwIfAborted();
      // What an earlier try has left.
      await removeWork(this.#host, this.#request.identity.runId);
      return await this.#start();
    });
  }

  /** Takes up a run whose connector has been started by another server process. */
  async adopt(connector: Container, sidecar: Container | null): Promise<RunResult> {
    return await this.#toItsEnd(async () => {
      const startedAt = new Date((await connector.inspect()).State.StartedAt);
      if (sidecar === null) {
        this.#startedAt = startedAt;
        return { kind: 'lost' };
      }
      this.#sidecar.adopt(sidecar);
      await this.#keepSidecar();
      return await this.#watch(connector, startedAt);
    });
  }

  async #toItsEnd(begin: () => Promise<ConnectorEnd>): Promise<RunResult> {
    let end: ConnectorEnd | Error;
    try {
      end = await begin();
    } catch (error) {
      if (error instanceof RunDetachedError) {
        this.#letGo();
        throw error;
      }
      if (this.#signal.aborted) this.#supervisor.noteCancelled();
      end = error instanceof SettingsTooLargeError ? error : new Error(dockerMessage(error));
      if (tellsOfFullDisk(end.message)) await this.#adviseOnDisk();
      await this.#endSidecar(end).catch(() => {});
    }
    try {
      return await this.#result(end);
    } finally {
      await this.#cleanUp();
    }
  }

  /** Everything up to the connector's end. Network, sidecar and guard are made at the same time where they can be. */
  async #start(): Promise<ConnectorEnd> {
    const { request } = this;
    const { runId, connectorId } = request.identity;
    const options = settingOptions(request.settings);
    const image = await findImage(this.#host, request.digest, connectorId);
    const run = await createRunNetwork(this.#host, runId, request.network);
    const words = [...this.#words, ...options];
    const [sidecar, connector] = await Promise.allSettled([
      this.#startSidecar(run),
      this.#place(run).then((networkMode) =>
        createConnector(this.#host, request, { image, words, networkMode }),
      ),
    ]);
    // Both are known before either failure counts, so that nothing is left behind.
    if (sidecar.status === 'rejected') throw sidecarFailure(sidecar.reason);
    if (connector.status === 'rejected') throw connector.reason;
    this.#signal.throwIfAborted();
    try {
      await connector.value.start();
    } catch (error) {
      const { word, notFound, cause } = StartFailure.ofRefusal(error, this.#words);
      if (tellsOfFullDisk(cause)) await this.#adviseOnDisk();
      const end = { kind: 'start-failed', word, notFound, cause } as const;
      await this.#endSidecar(end);
      return end;
    }
    return await this.#watch(connector.value, new Date());
  }

  /** Where the connector will stand: in the network itself, or behind the guard of an open one. */
  async #place(run: RunNetwork): Promise<string> {
    const { network, identity } = this.#request;
    // Guards and ways out come from our own image, whatever stands in the version's.
    const image = this.#host.sidecarImage;
    if (network.mode === 'none') return run.name;
    if (network.mode === 'allow-list') {
      await startWayOut(this.#host, identity.runId, image, run, network.hosts);
      return run.name;
    }
    this.#guard = await startGuard(this.#host, identity.runId, image, run);
    return `container:${this.#guard.id}`;
  }

  async #startSidecar(run: RunNetwork): Promise<void> {
    const { docker, registry, sidecarImage } = this.#host;
    const { image } = this.#request.sidecar;
    if (image !== null && !(await hasImage(docker, image))) await pullImage(docker, image, registry);
    await this.#sidecar.create(run, image ?? sidecarImage, this.#configFolder, LISTEN);
    await this.#keepSidecar();
  }

  async #keepSidecar(): Promise<void> {
    this.#keeper = await SidecarKeeper.start(async () => {
      // What an earlier sidecar has not written down would reach this one twice.
      await this.#output?.pause();
      const sidecar = await this.#sidecar.start();
      this.#journaling = true;
      // What went to an earlier sidecar and is not in the journal is handed over again.
      this.#output?.begin(await countLines(this.#request.sidecar.journal));
      return sidecar;
    }, LISTEN);
  }

  /** From the start of the connector to the sidecar's results. */
  async #watch(connector: Container, startedAt: Date): Promise<ConnectorEnd> {
    const { request } = this;
    this.#startedAt = startedAt;
    request.onStarted?.({ startedAt, commandLine: this.#commandLine });
    this.#output = new ConnectorOutput(connector, request, this.#words, this.#log, this.#host.daemonAwayMs);
    this.#output.begin(await countLines(request.sidecar.journal));
    this.#usage = new UsageWatcher(connector, request, (cause) => this.#supervisor.stop(cause, 'at once'));
    const exited = awaitExit(connector, this.#host.daemonAwayMs);
    const running = {
      ended: exited.then((end) => this.#connectorEnd(end)),
      terminate: () => void connector.kill({ signal: 'SIGTERM' }).catch(() => {}),
      kill: () => void connector.kill({ signal: 'SIGKILL' }).catch(() => {}),
    };
    const supervised = await this.#untilDetached(
      this.#supervisor.supervise(
        running,
        this.#keeper ?? undefined,
        this.#signal,
        Date.now() - startedAt.getTime(),
      ),
    );
    this.#usage.stop();
    await this.#keeper?.ready();
    const end = await this.#withWholeOutput(supervised, this.#output);
    if (end.kind === 'exited' && end.exitCode !== 0 && (await isDiskFull(this.#host.docker))) {
      await this.#adviseOnDisk();
    }
    // Nobody needs the guard any more, and the sidecar takes a moment to end; the connector tells a successor how it ended.
    const guard = this.#guard?.remove({ force: true, v: true }).catch(() => {});
    await this.#endSidecar(end);
    await guard;
    if (end.kind === 'lost' && !this.#daemonLost) await this.#saveOutput(this.#output);
    return end;
  }

  async #connectorEnd(end: ContainerEnd | null): Promise<ConnectorEnd> {
    if (end === null) return { kind: 'lost' };
    const { exitCode, outOfMemory, daemonLeft } = end;
    // A daemon that goes down takes its containers along; one that had done its work is believed.
    if (exitCode !== 0 && (daemonLeft || (!outOfMemory && (await this.#isGoingDown(exitCode))))) {
      return { kind: 'lost' };
    }
    await this.#output?.finish().catch(() => {});
    const failure = await this.#output?.startFailure(exitCode).catch(() => null);
    if (failure)
      return { kind: 'start-failed', word: failure.word, notFound: failure.notFound, cause: failure.cause };
    return {
      kind: 'exited',
      exitCode,
      signal: signalOfExitCode(exitCode),
      outOfMemory,
    };
  }

  /** Waits for the last line. A daemon that does not come back takes the end of the run along. */
  async #withWholeOutput(end: ConnectorEnd, output: ConnectorOutput): Promise<ConnectorEnd> {
    try {
      await output.finish();
      return end;
    } catch (error) {
      if (!(error instanceof DaemonLostError)) throw error;
      this.#daemonLost = true;
      return { kind: 'lost' };
    }
  }

  /** The sidecar went down too: lines that it has not written down are handed over without it. */
  async #saveOutput(output: ConnectorOutput): Promise<void> {
    output.begin(await countLines(this.#request.sidecar.journal));
    await output.finish().catch(() => {});
  }

  /** Whether a connector was ended together with its sidecar, which nobody but a daemon that stops does. */
  async #isGoingDown(exitCode: number): Promise<boolean> {
    if (this.#supervisor.hasStopped || !STOP_CODES.includes(exitCode)) return false;
    for (let waited = 0; waited < SHUTDOWN_MS; waited += SHUTDOWN_LOOK_MS) {
      await sleep(SHUTDOWN_LOOK_MS);
      if (!(await this.#sidecar.isRunning().catch(() => false))) return true;
    }
    return false;
  }

  async #untilDetached<T>(work: Promise<T>): Promise<T> {
    const { detach } = this.#request;
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(new RunDetachedError('The run goes on without this server.'));
    detach.addEventListener('abort', leave, { once: true });
    if (detach.aborted) leave();
    work.catch(() => {});
    return await Promise.race([work, promise]).finally(() => detach.removeEventListener('abort', leave));
  }

  async #endSidecar(end: ConnectorEnd | Error): Promise<void> {
    if (this.#keeper === null || this.#summary !== null) return;
    const outcome = end instanceof Error ? { kind: 'lost' as const } : end;
    await this.#supervisor.finishProcesses(this.#keeper, outcome, this.#signal);
    // From now on the journal is written by whoever reads this.
    this.#journaling = false;
    this.#summary = await (await this.#keeper.ready()).summary();
  }

  async #result(end: ConnectorEnd | Error): Promise<RunResult> {
    const { cpuMs = null, memoryPeakMb = null } = this.#usage?.measured ?? {};
    return await this.#supervisor.result(end, this.#commandLine, {
      startedAt: this.#startedAt,
      cpuMs,
      memoryPeakMb,
      logLines: this.#output?.lines ?? { stdout: 0, stderr: 0 },
      sidecar: this.#summary,
    });
  }

  /** A daemon whose disk is full can not even write down what a connector prints. */
  async #adviseOnDisk(): Promise<void> {
    await this.#log('error', 'engine', await fullDiskAdvice(this.#host.docker));
  }

  /** Stops watching; the containers live on. */
  #letGo(): void {
    this.#usage?.stop();
    this.#output?.stop();
    this.#sidecar.detach();
  }

  async #cleanUp(): Promise<void> {
    this.#letGo();
    // What can not be removed now is found by its labels later.
    if (this.#daemonLost) return;
    const remove = () => removeWork(this.#host, this.#request.identity.runId);
    await acrossRestart(remove, this.#host.daemonAwayMs).catch(() => {});
  }

  /** Lines go to the sidecar while there is one, since it keeps the journal. */
  readonly #log: LogSink = (level, source, message, context) => {
    if (!this.#journaling) return this.#request.log(level, source, message, context);
    return this.#sidecar.write({ level, source, message, ...(context ? { context } : {}) });
  };

  private get request(): RunRequest {
    return this.#request;
  }

  get #configFolder(): string {
    return join(this.#host.workFolder, 'runs', this.#request.identity.runId);
  }

  get #commandLine(): string {
    const { mask, settings } = this.#request;
    try {
      return mask(quoteWords([...this.#words, ...settingOptions(settings)]));
    } catch {
      // Too large to be passed, and to be shown.
      return mask(quoteWords(this.#words));
    }
  }
}
