import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeQuietly, statusOf } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { LABEL, labelFilter } from './labels.ts';

/** A container that is being removed holds its network for a moment. */
const NETWORK_TRIES = 100;
const NETWORK_WAIT_MS = 100;

/** Containers of an installation, or of those with further labels. */
export const containersOf = (
  { docker, installation }: Pick<DockerHost, 'docker' | 'installation'>,
  labels: Record<string, string> = {},
) =>
  docker.listContainers({
    all: true,
    filters: labelFilter({ [LABEL.installation]: installation, ...labels }),
  });

/** Networks of an installation, or of those with further labels. */
export const networksOf = (
  { docker, installation }: Pick<DockerHost, 'docker' | 'installation'>,
  labels: Record<string, string> = {},
) =>
  docker.listNetworks({
    filters: JSON.stringify(labelFilter({ [LABEL.installation]: installation, ...labels })),
  });

/** Removes every container, network and folder of a run or build. What is gone already, or going, is no error. */
export async function removeWork(host: DockerHost, work: string): Promise<void> {
  const { docker, workFolder } = host;
  const labels = { [LABEL.work]: work };
  const [containers, networks] = await Promise.all([containersOf(host, labels), networksOf(host, labels)]);
  await Promise.all(
    containers.map(({ Id }) => removeQuietly(() => docker.getContainer(Id).remove({ force: true, v: true }))),
  );
  await Promise.all(networks.map(({ Id }) => removeNetwork(host, Id)));
  for (const kind of ['runs', 'builds']) {
    await rm(join(workFolder, kind, work), { recursive: true, force: true });
  }
}

async function removeNetwork({ docker }: DockerHost, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await docker.getNetwork(id).remove();
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return;
      // Still in use, or the daemon has only just begun; a daemon that is away is the caller's business.
      if (status === null || attempt === NETWORK_TRIES) throw error;
      await sleep(NETWORK_WAIT_MS);
    }
  }
}
