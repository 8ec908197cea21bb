import { quoteWords, splitWords } from '@slipway/contract';
import type { EgressPolicy } from '../egress.ts';
import type { RunRequest, RunResult } from '../engine.ts';
import { failureOf, type RunEnd, type StopCause } from '../run/failure.ts';
import { runEnvironment, SettingsTooLargeError, settingOptions } from '../run/settings.ts';
import type { SidecarSummary } from '../run/sidecar.ts';
import { type BundleStore, copyFolder } from './bundle-store.ts';
import { OutputCapture } from './capture.ts';
import { type LaunchEnd, type Launched, launchPlain, launchSandboxed } from './launch.ts';
import { openRunNetwork, type RunNetwork } from './network.ts';
import { LAUNCHER_WORDS, layOutSandbox, type Machine, placeOf, prepareExchangeFolder } from './place.ts';
import { readProcess } from './process-table.ts';
import { lookupProgram } from './programs.ts';
import { createRunFolder, type RunFolder, removeRunFolder, writeRunRecord } from './run-folder.ts';
import { INSIDE } from './sandbox.ts';
import { LimitWatcher, type Usage } from './watcher.ts';

/** Time between SIGTERM and SIGKILL (container-api.md 8.7). */
const STOP_GRACE_MS = 10_000;

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
  #stopped: StopCause | null = null;
  #launched: Launched | null = null;
  #network: RunNetwork | null = null;
  #captures: { stdout: OutputCapture; stderr: OutputCapture } | null = null;
  #usage: Usage | null = null;
  #startedAt: Date | null = null;
  #summary: SidecarSummary | null = null;
  #commandLine = '';

  constructor(context: RunContext, request: RunRequest) {
    this.#context = context;
    this.#request = request;
  }

  /** Runs the connector to its end and cleans up. Rejects only when the log refuses lines or the disk fails. */
  async run(): Promise<RunResult> {
    const signal = AbortSignal.any([this.#request.signal, this.#context.stopSignal]);
    const folder = await createRunFolder(this.#context.workFolder, this.#request.identity.runId);
    try {
      const end = await this.#startAndWait(folder, signal);
      return this.#result(end);
    } finally {
      await this.#network?.close();
      await removeRunFolder(folder.root);
    }
  }

  async #startAndWait(folder: RunFolder, signal: AbortSignal): Promise<LaunchEnd | Error> {
    let launched: Launched;
    try {
      signal.throwIfAborted();
      launched = await this.#start(folder);
    } catch (error) {
      if (signal.aborted) this.#stopped = { kind: 'cancelled' };
      await this.#captures?.stdout.finish();
      await this.#captures?.stderr.finish();
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
        ...place,
        containerApiUrl: network.containerApiUrl,
        lang: context.machine.lang,
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

  async #supervise(launched: Launched, folder: RunFolder, signal: AbortSignal): Promise<LaunchEnd> {
    const { limits, identity } = this.#request;
    this.#launched = launched;
    this.#startedAt = new Date();
    this.#request.onStarted?.({ startedAt: this.#startedAt, commandLine: this.#commandLine });
    const recorded = writeRunRecord(folder.root, {
      runId: identity.runId,
      pid: launched.pid,
      startTime: readProcess(launched.pid)?.startTime ?? '',
      commandLine: this.#commandLine,
      startedAt: this.#startedAt.toISOString(),
    });
    const cancel = () => this.#stop({ kind: 'cancelled' }, 'gently');
    const timeLimit = setTimeout(
      () => this.#stop({ kind: 'timeout', seconds: limits.timeoutSeconds }, 'gently'),
      limits.timeoutSeconds * 1000,
    );
    const watcher = new LimitWatcher(
      launched.tree,
      limits,
      [this.#request.exchangeFolder, folder.temporary, folder.home, folder.bundle],
      (cause) => this.#stop(cause, 'at once'),
    );
    watcher.start();
    this.#network?.keeper.givenUp.then(() => this.#stop({ kind: 'sidecar' }, 'at once'));
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    const end = await launched.ended;
    clearTimeout(timeLimit);
    clearTimeout(this.#graceTimer);
    signal.removeEventListener('abort', cancel);
    this.#usage = watcher.stop();
    await recorded;
    // A sandbox takes everything inside with it.
    if (this.#context.machine.sandbox === null) await launched.tree.killAll();
    await Promise.all([this.#captures?.stdout.finish(), this.#captures?.stderr.finish()]);
    await this.#network?.keeper.current.closeOutputs();
    await this.#finishProcesses(end, signal);
    this.#summary = (await this.#network?.keeper.current.summary()) ?? null;
    return end;
  }

  /** After exit code 0 storage processes may finish, without a time limit; after any other end they are stopped. */
  async #finishProcesses(end: LaunchEnd, signal: AbortSignal): Promise<void> {
    const succeeded = this.#stopped === null && end.kind === 'exited' && end.exitCode === 0;
    await this.#network?.keeper.current.finishProcesses(succeeded ? signal : AbortSignal.abort());
    if (succeeded && signal.aborted) this.#stopped = { kind: 'cancelled' };
  }

  #graceTimer: NodeJS.Timeout | undefined;

  /** Ends the connector; the first cause stays. */
  #stop(cause: StopCause, how: 'gently' | 'at once'): void {
    const first = this.#stopped === null;
    this.#stopped ??= cause;
    if (how === 'at once') {
      // Also while a cancelled run is given its time: a limit that is passed leaves none.
      void this.#launched?.kill();
      return;
    }
    if (!first) return;
    this.#launched?.terminate();
    this.#graceTimer = setTimeout(() => void this.#launched?.kill(), STOP_GRACE_MS);
  }

  async #result(outcome: LaunchEnd | Error): Promise<RunResult> {
    const exited = !(outcome instanceof Error) && outcome.kind === 'exited' ? outcome : null;
    const end: RunEnd = {
      stopped: this.#stopped,
      started: exited !== null,
      startFailure: startFailureOf(outcome, this.#request.command),
      settingsTooLarge: outcome instanceof SettingsTooLargeError,
      exitCode: exited?.exitCode ?? null,
      signal: exited?.signal ?? null,
      outputFailed: this.#summary?.outputFailed ?? false,
      outputRefusedStatus: this.#summary?.outputRefusedStatus ?? null,
      failedProcess: this.#summary?.failedProcess ?? null,
    };
    const failure = failureOf(end);
    if (failure) await this.#request.log('error', 'engine', this.#request.mask(failure.reason));
    const measured = this.#usage?.measured ? this.#usage : null;
    return {
      state: failure === null ? 'finished' : failure.origin === 'cancelled' ? 'cancelled' : 'failed',
      exitCode: end.exitCode,
      failure: failure && { ...failure, reason: this.#request.mask(failure.reason) },
      commandLine: this.#commandLine,
      startedAt: exited === null ? null : this.#startedAt,
      finishedAt: new Date(),
      cpuMs: measured?.cpuMs ?? null,
      memoryPeakMb: measured ? Math.ceil(measured.memoryPeakBytes / (1024 * 1024)) : null,
      logLines: {
        stdout: this.#captures?.stdout.lines ?? 0,
        stderr: this.#captures?.stderr.lines ?? 0,
      },
      sidecar: this.#summary,
    };
  }
}

/** The program itself can not be started. */
class StartError extends Error {
  readonly word: string;
  readonly kind: 'not-found' | 'failed';

  constructor(word: string, kind: 'not-found' | 'failed', cause: string) {
    super(cause);
    this.word = word;
    this.kind = kind;
  }
}

function startFailureOf(outcome: LaunchEnd | Error, command: string): RunEnd['startFailure'] {
  if (outcome instanceof StartError)
    return { kind: outcome.kind, word: outcome.word, cause: outcome.message };
  // Texts end with a full stop of the contract's own.
  if (outcome instanceof Error)
    return { kind: 'failed', word: command, cause: outcome.message.replace(/\.+$/, '') };
  return outcome.kind === 'start-failed' ? { kind: 'failed', word: command, cause: outcome.cause } : null;
}
