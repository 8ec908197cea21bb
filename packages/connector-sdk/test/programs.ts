import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';

/** The same scenarios are written with both SDKs. */
export type Language = 'node' | 'python';

export const pythonSdk = join(import.meta.dirname, '../../connector-sdk-python');
const SCENARIOS: Record<Language, string[]> = {
  node: [process.execPath, join(import.meta.dirname, 'scenarios.mjs')],
  python: ['python3', join(pythonSdk, 'test/scenarios.py')],
};

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the program has written the text to stdout. */
  says(text: string): Promise<void>;
}

/** What a connector is told about its run, as an engine tells it. */
export const runVariables = (url: string, folder: string): Record<string, string> => ({
  CONTAINER_API_URL: url,
  SLIPWAY_RUN_ID: 'c7f6a8de-3a55-4b47-8f5e-1f0a4d8f7a21',
  SLIPWAY_SITE_ID: '101',
  SLIPWAY_ENVIRONMENT: 'dev',
  SLIPWAY_EXCHANGE_DIR: runFolder(folder).exchange,
});

/** Starts a program with nothing but the given environment. */
export function start(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): Program {
  const child = spawn(words[0]!, words.slice(1), {
    env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...environment },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout.on('data', look);
      look();
      void ended.then(() => reject(new Error(`It ended without saying ${text}: ${stdout}${stderr}`)));
    });
  return { child, ended, says };
}

/** Starts a scenario in a language. */
export function startScenario(
  language: Language,
  scenario: string,
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Program {
  return start([...SCENARIOS[language], scenario, ...options], { PYTHONPATH: pythonSdk, ...environment });
}

/** Runs a scenario to its good end, and gives what it printed. */
export async function play(
  language: Language,
  scenario: string,
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<unknown> {
  const { code, stdout, stderr } = await startScenario(language, scenario, environment, options).ended;
  if (code !== 0) throw new Error(`${scenario} ended with ${code}: ${stderr}`);
  return stdout === '' ? null : JSON.parse(stdout);
}
