import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunConfig } from '../src/index.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
/** Hundreds of starts compile the same code once. */
const COMPILED = join(tmpdir(), 'slipway-test-compiled');

/** A sidecar in a process of its own. */
export interface StandAlone {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly exchange: string;
  /** Sends a signal and waits for the end: what was printed last, and the exit code. */
  end(
    signal: NodeJS.Signals,
  ): Promise<{ code: number | null; said: Record<string, unknown>; complaints: string }>;
}

/** How a sidecar ended that never listened. */
export class NotStartedError extends Error {
  readonly code: number | null;
  readonly complaints: string;

  constructor(code: number | null, complaints: string) {
    super(`The sidecar ended with ${code}: ${complaints}`);
    this.code = code;
    this.complaints = complaints;
  }
}

const running = new Set<ChildProcess>();

/** Ends what tests left running. */
export function endStandAlone(): void {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
}

/**
 * Starts `main.ts` with a configuration, which is written to `<folder>/config.json`.
 *
 * @param through program and words in front, such as `prlimit`
 * @throws {NotStartedError}
 */
export async function startStandAlone(
  folder: string,
  config: RunConfig | Record<string, unknown> | string,
  { environment = {}, through = [], stdin = 'ignore' }: StartOptions = {},
): Promise<StandAlone> {
  const file = join(folder, 'config.json');
  await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
  const [program = '', ...words] = [...through, process.execPath, MAIN, '--config', file];
  const child = spawn(program, words, {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...environment },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  running.add(child);
  let complaints = '';
  child.stderr!.on('data', (part: Buffer) => {
    complaints += part;
  });
  const exited = once(child, 'close').finally(() => running.delete(child));
  const lines = createInterface({ input: child.stdout! });
  const said: Record<string, unknown>[] = [];
  lines.on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>));
  await Promise.race([once(lines, 'line'), exited]);
  const [first] = said as { url: string; port: number; 'exchange-folder': string }[];
  if (first === undefined) throw new NotStartedError(child.exitCode, complaints);
  return {
    child,
    url: first.url,
    port: first.port,
    exchange: first['exchange-folder'],
    end: async (signal) => {
      child.kill(signal);
      await exited;
      return { code: child.exitCode, said: said.at(-1)!, complaints };
    },
  };
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly through?: readonly string[];
  readonly stdin?: 'ignore' | 'pipe';
}
