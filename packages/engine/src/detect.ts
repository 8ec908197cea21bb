import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DockerSettings } from './docker/docker-host.ts';
import type { Engine } from './engine.ts';
import { createProcessEngine, type ProcessEngineOptions } from './process/process-engine.ts';
import { findProgram } from './process/programs.ts';
import { findTools, sandboxArguments } from './process/sandbox.ts';

/** Engines that can be asked for. */
export type WantedEngine = 'auto' | 'docker' | 'kubernetes' | 'sandbox' | 'process';

/** Everything but the parts of the machine, which are found here. */
export interface DetectOptions extends Omit<ProcessEngineOptions, 'machine'> {
  /** The server's PATH and LANG. */
  readonly path: string;
  readonly lang: string;
  /** Refuse engines without isolation (SLIPWAY_ENGINE_REQUIRE_ISOLATION). */
  readonly requireIsolation?: boolean;
  /** Null: there is no Docker Engine to be used. */
  readonly docker?: DockerSettings | null;
  /** Takes lines about what takes long, such as building an image. */
  readonly say?: (line: string) => void;
}

/** The engine that was chosen, and why, in one sentence for the log. */
export interface DetectedEngine {
  readonly engine: Engine;
  readonly reason: string;
}

/** Thrown when the wanted engine can not be had. The message says why. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

const PROBE_TIMEOUT_MS = 5_000;

/**
 * Chooses the engine of this server. `auto` takes the first that works of docker, sandbox and process.
 *
 * @throws {EngineUnavailableError} when the wanted engine does not work here, or lacks the isolation asked for
 */
export async function detectEngine(wanted: WantedEngine, options: DetectOptions): Promise<DetectedEngine> {
  if (wanted === 'kubernetes') {
    throw new EngineUnavailableError('The engine kubernetes is not part of this installation.');
  }
  if (wanted === 'docker' || wanted === 'auto') {
    const docker = await tryDocker(wanted, options);
    if ('engine' in docker) return docker;
    if (wanted === 'docker') {
      throw new EngineUnavailableError(`The engine docker does not work here: ${docker.problem}`);
    }
    return withoutContainers(wanted, options, docker.problem);
  }
  return withoutContainers(wanted, options, null);
}

/** The engine docker, or why it can not be had. */
async function tryDocker(
  wanted: WantedEngine,
  options: DetectOptions,
): Promise<DetectedEngine | { problem: string | null }> {
  const { docker, workFolder, git, say = () => {} } = options;
  if (!docker) return { problem: wanted === 'docker' ? 'SLIPWAY_DOCKER_HOST is empty.' : null };
  // The libraries are large, and only those who have Docker need them.
  const { openDocker } = await import('./docker/open.ts');
  const opened = await openDocker({ ...docker, workFolder, git }, say);
  if ('problem' in opened) return opened;
  const reason =
    wanted === 'auto' ? `Engine docker: it answers at ${docker.host}.` : 'Engine docker: as set.';
  return { engine: opened.engine, reason };
}

/** @param docker why the engine docker is not used; null: it was not asked for */
async function withoutContainers(
  wanted: 'auto' | 'sandbox' | 'process',
  options: DetectOptions,
  docker: string | null,
): Promise<DetectedEngine> {
  const problem = wanted === 'process' ? null : await sandboxProblem(options.path);
  if (wanted === 'sandbox' && problem !== null) {
    throw new EngineUnavailableError(`The engine sandbox does not work here: ${problem}`);
  }
  const sandboxed = wanted !== 'process' && problem === null;
  if (!sandboxed && options.requireIsolation) {
    throw new EngineUnavailableError(
      `The engine process has no isolation, which the settings require${problem === null ? '.' : `: ${problem}`}`,
    );
  }
  const { path, lang } = options;
  const bwrap = findProgram('bwrap', path);
  const machine = {
    path,
    lang,
    prlimit: findProgram('prlimit', path),
    sandbox: sandboxed && bwrap !== null ? { bwrap, tools: findTools(path) } : null,
  };
  const engine = createProcessEngine({ ...options, machine });
  const reason = reasonFor(wanted, sandboxed, problem);
  return { engine, reason: docker === null ? reason : `${reason} ${docker}` };
}

function reasonFor(wanted: WantedEngine, sandboxed: boolean, problem: string | null): string {
  if (wanted !== 'auto') return `Engine ${wanted}: as set.`;
  return sandboxed
    ? 'Engine sandbox: bubblewrap works on this machine.'
    : `Engine process, without isolation: ${problem}`;
}

/** Runs a program in a real sandbox; null when that works. Being installed says little: kernels may forbid it. */
async function sandboxProblem(path: string): Promise<string | null> {
  const bwrap = findProgram('bwrap', path);
  if (bwrap === null) return 'bubblewrap (bwrap) is not installed.';
  const plan = {
    folders: [],
    files: [],
    workingFolder: '/tmp',
    environment: {},
    network: 'own',
    hostname: 'connector',
  } as const;
  const { args } = sandboxArguments(plan, findTools(path));
  // The plan has no folders of a run, so it needs a place to stand in; nothing in it is secret.
  const words = ['--tmpfs', '/tmp', ...args, '--', '/bin/sh', '-c', 'exit 0'];
  try {
    await promisify(execFile)(bwrap, words, { env: {}, timeout: PROBE_TIMEOUT_MS });
    return null;
  } catch (error) {
    const text = String((error as { stderr?: string }).stderr ?? '').trim() || (error as Error).message;
    return `bubblewrap does not work: ${text.split('\n')[0]}`;
  }
}
