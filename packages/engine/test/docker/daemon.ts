import Docker from 'dockerode';
import { LABEL } from '../../src/docker/labels.ts';
import { installationOf } from '../support.ts';

/** The daemon itself, for looking behind the engine's back. */
export const daemon = new Docker({ socketPath: '/var/run/docker.sock' });

/** @param root folder of the test, see `installationOf` */
const filtersOf = (root: string) => ({ label: [`${LABEL.installation}=${installationOf(root)}`] });

/** Names of containers and networks that an engine has left behind. */
export async function leftovers(root: string, docker = daemon): Promise<string[]> {
  const filters = filtersOf(root);
  const containers = await docker.listContainers({ all: true, filters });
  const networks = await docker.listNetworks({ filters: JSON.stringify(filters) });
  return [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name)].filter(
    // One for all runs of an installation.
    (name) => !name.endsWith('-uplink'),
  );
}

/** Removes the images and the networks of test installations. */
export async function removeImages(roots: readonly string[]): Promise<void> {
  for (const root of roots) {
    const filters = filtersOf(root);
    for (const { Id } of await daemon.listImages({ filters }))
      await daemon.getImage(Id).remove({ force: true });
    for (const { Id } of await daemon.listNetworks({ filters: JSON.stringify(filters) })) {
      await daemon.getNetwork(Id).remove();
    }
  }
}
