import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

/** Continuous integration has Docker; elsewhere its tests are skipped where it does not answer. */
export const hasDocker = process.env.CI !== undefined || spawnSync('docker', ['info']).status === 0;

/** The lines that the docker command line prints. */
export async function docker(...args: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('docker', args);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Containers and networks with a label. */
export async function labelled(label: string): Promise<string[]> {
  const filter = ['--filter', `label=${label}`];
  const containers = await docker('ps', '--all', '--format', '{{.Names}}', ...filter);
  return [...containers, ...(await docker('network', 'ls', '--format', '{{.Name}}', ...filter))];
}
