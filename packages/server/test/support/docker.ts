import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

/** Continuous integration has Docker; elsewhere its tests are skipped where it does not answer. */
export const hasDocker = process.env.CI !== undefined || spawnSync('docker', ['info']).status === 0;

/** Runs a docker command; gives the lines it printed. */
export const docker = async (...args: string[]): Promise<string[]> => {
  const { stdout } = await promisify(execFile)('docker', args);
  return stdout.split('\n').filter((line) => line !== '');
};
