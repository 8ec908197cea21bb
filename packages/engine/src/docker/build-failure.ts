import type { BuildRequest, BuildStepName } from '../engine.ts';
import { awayReason, dockerMessage } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { fullDiskAdvice, tellsOfFullDisk } from './full-disk.ts';

/** Writes down why the daemon could not do a step of a build, and what can be done about it where that is known. */
export async function logDaemonFailure(
  { docker }: Pick<DockerHost, 'docker'>,
  { log, mask }: Pick<BuildRequest, 'log' | 'mask'>,
  step: BuildStepName,
  error: unknown,
): Promise<void> {
  const away = awayReason(error);
  const text = dockerMessage(error);
  const said =
    away === null ? `The Docker Engine gave up: ${text}` : `The Docker Engine does not answer: ${away}.`;
  await log('error', step, mask(said));
  if (tellsOfFullDisk(text)) await log('error', step, await fullDiskAdvice(docker));
}
