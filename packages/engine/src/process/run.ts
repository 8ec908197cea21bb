import { quoteWords, splitWords } from '@slipway/contract';
import type { EgressPolicy } from '../egress.ts';
import type { RunRequest, RunResult } from '../engine.ts';
import { prepareExchangeFolder } from '../run/exchange-folder.ts';
import { runEnvironment, settingOptions } from '../run/settings.ts';
import type { SidecarSummary } from '../run/sidecar.ts';
import { type ConnectorEnd, RunSupervisor } from '../run/supervisor.ts';
import { type BundleStore, copyFolder } from './bundle-store.ts';
import { OutputCapture } from './capture.ts';
import { type Launched, launchPlain, launchSandboxed } from './launch.ts';
import { openRunNetwork, type RunNetwork } from './network.ts';
import { LAUNCHER_WORDS, layOutSandbox, type Machine, placeOf } from './place.ts';
import { readProcess } from './process-table.ts';
import { lookupProgram } from './programs.ts';
import { createRunFolder, type RunFolder, removeRunFolder, writeRunRecord } from './run-folder.ts';
import { INSIDE } from './sandbox.ts';
import { LimitWatcher, type Usage } from './watcher.ts';

/** What the driver gives to every run. */
export interface RunContext {
  readonly workFolder: string;
  readonly machine: Machine;
  readonly bundles: BundleStore;
  readonly egress: EgressPolicy;
  /** Ends the run like a cancel; kept by the driver for {@link Engine.stop}. */
  readonly stopSignal: AbortSignal;
}

/** One run from its folder to its result. */
export class ConnectorRun {
  readonly #context: RunContext;
  readonly #request: RunRequest;
  readonly #supervisor: RunSupervisor;
  #network: RunNetwork | null = null;
  #captures: { stdout: OutputCapture; stderr: OutputCapture } | null = null;
  #usage: Usage | null = null;
  #startedAt: Date | null = null;
  #summary: SidecarSummary | null = null;
  #commandLine = '';

  constructor(context: RunContext, request: RunRequest) {
    this.#context = context;
    this.#request = request;
    this.#supervisor = new RunSupervisor(request);
  }

  /** Runs the connector to its end and cleans up. Rejects only when the log refuses lines or the disk fails. */
  async run(): Promise<RunResult> {
    const signal = AbortSignal.any([
      this.#request.signal,
      // The connector's pipes end with the server.
      this.#request.detach,
      this.#context.stopSignal,
    ]);
    const folder = await createRunFolder(this.#context.workFolder, this.#request.identity.runId);
    try {
      const end = await this.#startAndWait(folder, signal);
      return this.#result(end);
    } finally {
      await this.#network?.close();
      await removeRunFolder(folder.root);
    }
  }

  async #startAndWait(folder: RunFolder, signal: AbortSignal): Promise<ConnectorEnd | Error> {
    let launched: Launched;
    try {
      signal.throwIfAborted();
      launched = await this.#start(folder);
    } catch (error) {
      if (signal.aborted) this.#supervisor.noteCancelled();
      await this.#captures?.stdout.finish();
      await this.#captures?.stderr.finish();
      if (error instanceof StartError) return error.end;
      return error instanceof Error ? error : new Error(String(error));
    }
    return await this.#supervise(launched, folder, signal);
  }

  /** Everything up to the connector's first instruction. */
  async #start(folder: RunFolder): Promise<Launched> {
    const { request, context } = { request: this.#request, context: this.#context };
    const typed = [...splitWords(request.command), ...splitWords(request.arguments ?? '')];
    const words = [...typed, ...settingOptions(request.settings)];
    this.#commandLine = request.mask(quoteWords(words));
    const { files, record } = await context.bundles.read(request.digest);
    const place = placeOf(context.machine, folder, request.exchangeFolder, record);
    const [network, captures] = await this.#prepare(folder, files);
    const environment = runEnvironment(
      request.settings,
      request.identity,
      {
        containerApiUrl: network.containerApiUrl,
        exchangeFolder: place.exchangeFolder,
        surroundings: {
          PATH: place.path,
          LANG: context.machine.lang,
          HOME: place.home,
          TMPDIR: place.temporaryFolder,
        },
        proxy: network.proxy,
      },
      place.imageVariables,
    );
    const layout = { folder, place, environment, hosts: network.hosts, socketFolder: network.socketFolder };
    const sandbox = context.machine.sandbox;
    const inside =
      sandbox === null
        ? null
        : await layOutSandbox(sandbox, {
            ...layout,
            exchangeFolder: request.exchangeFolder,
            network: network.socketFolder === null ? 'shared' : 'own',
          });
    const [word = '', ...rest] = words;
    const found = lookupProgram(word, place.path, place.workingFolder, inside?.toHost);
    if (found.kind !== 'found')
      throw new StartError(word, found.kind, found.kind === 'failed' ? found.cause : '');
    const common = {
      name: word,
      workingFolder: place.workingFolder,
      stdout: captures.stdout.writeEnd,
      stderr: captures.stderr.writeEnd,
      runId: request.identity.runId,
      fileBytes: request.limits.exchangeBytes,
      prlimit: context.machine.prlimit,
    };
    const program = [found.path, ...rest];
    const launcher = network.socketFolder !== null;
    const launched =
      sandbox === null || inside === null
        ? launchPlain({ ...common, words: program, environment })
        : launchSandboxed(
            { ...common, words: launcher ? [...LAUNCHER_WORDS, ...program] : program },
            { bwrap: sandbox.bwrap, args: inside.args, launcher },
          );
    captures.stdout.releaseWriteEnd();
    captures.stderr.releaseWriteEnd();
    return launched;
  }

  /** Sidecar, pipes and folders, all at the same time; what was opened is known even when another part failed. */
  async #prepare(
    folder: RunFolder,
    files: string,
  ): Promise<[RunNetwork, { stdout: OutputCapture; stderr: OutputCapture }]> {
    const { log, mask, maskStream, exchangeFolder } = this.#request;
    const opening = OutputCapture.open(folder.root, log, mask, maskStream).then((captures) => {
      this.#captures = captures;
      return captures;
    });
    const network = this.#openNetwork();
    const folders = [
      copyFolder(files, folder.bundle, this.#context.machine.path),
      prepareExchangeFolder(exchangeFolder),
    ];
    await Promise.allSettled([network, opening, ...folders]);
    await Promise.all(folders);
    return [await network, await opening];
  }

  async #openNetwork(): Promise<RunNetwork> {
    this.#network = await openRunNetwork({
      sandboxed: this.#context.machine.sandbox !== null,
      policy: this.#request.network,
      runId: this.#request.identity.runId,
      egress: this.#context.egress,
      exchangePath: this.#context.machine.sandbox === null ? this.#request.exchangeFolder : INSIDE.exchange,
      startSidecar: this.#request.startSidecar,
    });
    return this.#network;
  }

  async #supervise(launched: Launched, folder: RunFolder, signal: AbortSignal): Promise<ConnectorEnd> {
    const { limits, identity } = this.#request;
    this.#startedAt = new Date();
    this.#request.onStarted?.({ startedAt: this.#startedAt, commandLine: this.#commandLine });
    const recorded = writeRunRecord(folder.root, {
      runId: identity.runId,
      pid: launched.pid,
      startTime: readProcess(launched.pid)?.startTime ?? '',
      commandLine: this.#commandLine,
      startedAt: this.#startedAt.toISOString(),
    });
    const watcher = new LimitWatcher(
      launched.tree,
      limits,
      [this.#request.exchangeFolder, folder.temporary, folder.home, folder.bundle],
      (cause) => this.#supervisor.stop(cause, 'at once'),
    );
    watcher.start();
    const keeper = this.#network?.keeper;
    const end = await this.#supervisor.supervise(launched, keeper, signal);
    this.#usage = watcher.stop();
    await recorded;
    // A sandbox takes everything inside with it.
    if (this.#context.machine.sandbox === null) await launched.tree.killAll();
    await Promise.all([this.#captures?.stdout.finish(), this.#captures?.stderr.finish()]);
    await keeper?.current.closeOutputs();
    await this.#supervisor.finishProcesses(keeper, end, signal);
    this.#summary = (await keeper?.current.summary()) ?? null;
    return end;
  }

  async #result(outcome: ConnectorEnd | Error): Promise<RunResult> {
    const measured = this.#usage?.measured ? this.#usage : null;
    return await this.#supervisor.result(outcome, this.#commandLine, {
      startedAt: this.#startedAt,
      cpuMs: measured?.cpuMs ?? null,
      memoryPeakMb: measured ? Math.ceil(measured.memoryPeakBytes / (1024 * 1024)) : null,
      logLines: {
        stdout: this.#captures?.stdout.lines ?? 0,
        stderr: this.#captures?.stderr.lines ?? 0,
      },
      sidecar: this.#summary,
    });
  }
}

/** The program itself can not be started. */
class StartError extends Error {
  readonly end: ConnectorEnd;

  constructor(word: string, kind: 'not-found' | 'failed', cause: string) {
    super(cause);
    this.end = { kind: 'start-failed', notFound: kind === 'not-found', word, cause };
  }
}
