import type { RepositoryAccess } from './git/repository.ts';
import type { LogSink, Mask, MaskStream } from './log.ts';
import type { RunFailure } from './run/failure.ts';
import type { RunIdentity, RunSettings } from './run/settings.ts';
import type { SidecarPlan, SidecarSummary, StartSidecar } from './run/sidecar.ts';

/** Drivers that exist or are foreseen. */
export type EngineName = 'docker' | 'kubernetes' | 'sandbox' | 'process';

/** How far connectors are kept apart from the machine and from each other. */
export interface Isolation {
  /** `none` is refused when SLIPWAY_ENGINE_REQUIRE_ISOLATION is set. */
  readonly level: 'none' | 'sandbox' | 'container';
  /** One honest sentence for the portal and for the start of the server. */
  readonly description: string;
}

/** Runs what connectors are built from, and connectors. One object per server; drivers stand below it. */
export interface Engine {
  readonly name: EngineName;
  readonly isolation: Isolation;
  /** Whether connectors run on when the server ends, for {@link adopt}. */
  readonly outlivesServer: boolean;
  /** Image of the sidecars that runs get who name no other; null: sidecars live in the server's process. */
  readonly sidecarImage: string | null;
  /** Can it be used at this moment? @throws when it does not answer, or has no place to work in */
  check(): Promise<void>;
  /**
   * Builds one commit of a repository: steps prepare, clone, check, image, health, push.
   *
   * @throws {BuildError} with the contract's text, the step and the exit code
   */
  build(request: BuildRequest): Promise<BuildResult>;
  /**
   * Runs `[command] [arguments] [health-check]` once against something built.
   *
   * @throws {BuildError} `Image health check exited with code <n>` or `Checking image health took too long`
   */
  healthCheck(request: HealthCheckRequest): Promise<void>;
  /** Runs a connector to its end. A connector that fails is a result, not an exception. */
  run(request: RunRequest): Promise<RunResult>;
  /** Asks a run of this machine to end (SIGTERM, 10 s later SIGKILL). False when no such run is alive here. */
  stop(runId: string): Promise<boolean>;
  /**
   * Takes up a run that another server process started and left behind: watches it to its end where it still lives.
   *
   * @param resume what the run was begun with; asked for only where it matters
   * @returns how it ended, or null when this machine knows nothing of it
   */
  adopt(runId: string, log: LogSink, resume: () => Promise<RunRequest>): Promise<RunResult | null>;
  /**
   * Ends and removes everything on this machine that belongs to no run or build in `keep`.
   *
   * @returns the ids that were cleaned up
   */
  reap(keep: ReadonlySet<string>): Promise<string[]>;
  /**
   * Removes built images that no version needs any more. Young ones stay: a build may be about to record its digest.
   *
   * @param keep digests in use
   * @param minimumAgeMs age from which an image may go
   * @returns the digests that were removed
   */
  prune(keep: ReadonlySet<string>, minimumAgeMs: number): Promise<string[]>;
}

export type BuildStepName = 'prepare' | 'clone' | 'check' | 'image' | 'health' | 'push';
export type BuildStepStatus = 'running' | 'done' | 'failed' | 'skipped';

/** Start or end of a build step. */
export interface BuildStepEvent {
  readonly name: BuildStepName;
  readonly status: BuildStepStatus;
  readonly startedAt: Date;
  /** Null while the step runs. */
  readonly finishedAt: Date | null;
  readonly durationMs: number | null;
}

export interface BuildRequest {
  readonly buildId: string;
  /** What the image belongs to: its name and labels. */
  readonly connector: { readonly id: string; readonly version: string };
  readonly repository: {
    readonly url: string;
    readonly branch: string;
    /** 7 to 40 hex digits; wins over the branch. */
    readonly commit?: string;
    /** Folder of the connector inside the repository. */
    readonly directory?: string;
    /** Null: the vault had no credential for a repository that needs one. */
    readonly access: RepositoryAccess | null;
  };
  readonly command: string;
  readonly arguments: string | null;
  /** Null: the step is skipped. */
  readonly healthCheck: string | null;
  /** Limit of the whole build in milliseconds. */
  readonly timeoutMs: number;
  readonly log: LogSink;
  readonly mask: Mask;
  readonly onStep: (event: BuildStepEvent) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface BuildResult {
  /** Full 40-digit commit id. */
  readonly commit: string;
  /** `sha256:<64 hex digits>`; what {@link RunRequest.digest} names. */
  readonly digest: string;
  /** True when the same content had been built before. */
  readonly reused: boolean;
  readonly durationMs: number;
}

export interface HealthCheckRequest {
  readonly digest: string;
  readonly command: string;
  readonly arguments: string | null;
  readonly healthCheck: string;
  readonly log: LogSink;
  readonly mask: Mask;
  readonly signal: AbortSignal;
}

/** Outgoing network of a connector version. */
export type NetworkPolicy =
  | { readonly mode: 'open' }
  | { readonly mode: 'none' }
  /** Entries are `host` or `host:port`. */
  | { readonly mode: 'allow-list'; readonly hosts: readonly string[] };

export interface RunLimits {
  readonly memoryMb: number;
  readonly cpus: number;
  readonly timeoutSeconds: number;
  readonly processes: number;
  /** Size limit of the exchange folder in bytes. */
  readonly exchangeBytes: number;
}

/** Defaults of container-api.md 8.7 and 2.6. */
export const DEFAULT_RUN_LIMITS: RunLimits = {
  memoryMb: 1024,
  cpus: 1,
  timeoutSeconds: 3600,
  processes: 512,
  exchangeBytes: 10 * 1024 ** 3,
};

export interface RunRequest {
  readonly identity: RunIdentity;
  /** What to run: the digest of a build that this engine made. */
  readonly digest: string;
  readonly command: string;
  readonly arguments: string | null;
  readonly settings: RunSettings;
  readonly limits: RunLimits;
  readonly network: NetworkPolicy;
  /**
   * Folder shared by connector and sidecar. It is made when missing, and kept: what becomes of the files is the
   * caller's business.
   */
  readonly exchangeFolder: string;
  /** Starts the sidecar in the server's process, for drivers whose connectors can reach it there. */
  readonly startSidecar: StartSidecar;
  /** What drivers need that start it in a container instead. */
  readonly sidecar: SidecarPlan;
  readonly log: LogSink;
  readonly mask: Mask;
  /** Makes a masker for each of stdout and stderr, in addition to `mask`, which sees single lines only. */
  readonly maskStream?: () => MaskStream;
  /** Called once, when the connector's process has been started. */
  readonly onStarted?: (started: { readonly startedAt: Date; readonly commandLine: string }) => void;
  /** Cancels the run: SIGTERM, 10 seconds later SIGKILL. */
  readonly signal: AbortSignal;
  /**
   * The server ends. Where connectors outlive it, the run goes on and {@link Engine.run} rejects with a
   * {@link RunDetachedError}; elsewhere this is a cancel.
   */
  readonly detach: AbortSignal;
}

/** A run goes on without the server that watched it; {@link Engine.adopt} takes it up again. */
export class RunDetachedError extends Error {
  override readonly name = 'RunDetachedError';
}

export interface RunResult {
  readonly state: 'finished' | 'failed' | 'cancelled';
  /** Exit code, 128 + signal number, or null when the process never started. */
  readonly exitCode: number | null;
  /** Null when finished. */
  readonly failure: RunFailure | null;
  /** Shell-quoted and masked. */
  readonly commandLine: string;
  /** Null when the process never started. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date;
  /** Processor time of the whole process tree, as far as it could be measured. */
  readonly cpuMs: number | null;
  readonly memoryPeakMb: number | null;
  /** Entries handed over per source. */
  readonly logLines: Readonly<Record<string, number>>;
  /** What the sidecar counted; null when it never started. */
  readonly sidecar: SidecarSummary | null;
}

/** A build that ended without a result. The message is the contract's text. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly step: BuildStepName;
  readonly exitCode: number | null;

  constructor(step: BuildStepName, message: string, exitCode: number | null = null) {
    super(message);
    this.step = step;
    this.exitCode = exitCode;
  }
}
