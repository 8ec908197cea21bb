import Docker from 'dockerode';
import { LABEL } from '../../src/docker/labels.ts';

/** The daemon itself, for looking behind the engine's back. */
export const daemon = new Docker({ socketPath: '/var/run/docker.sock' });

const filtersOf = (installation: string) => ({ label: [`${LABEL.installation}=${installation}`] });

/** Names of containers and networks that an engine has left behind. */
export async function leftovers(installation: string): Promise<string[]> {
  const filters = filtersOf(installation);
  const containers = await daemon.listContainers({ all: true, filters });
  const networks = await daemon.listNetworks({ filters: JSON.stringify(filters) });
  return [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name)].filter(
    // One for all runs of an installation.
    (name) => !name.endsWith('-uplink'),
  );
}

/** Removes the images and the networks of test installations. */
export async function removeImages(installations: readonly string[]): Promise<void> {
  for (const installation of installations) {
    const filters = filtersOf(installation);
    for (const { Id } of await daemon.listImages({ filters }))
      await daemon.getImage(Id).remove({ force: true });
    for (const { Id } of await daemon.listNetworks({ filters: JSON.stringify(filters) })) {
      await daemon.getNetwork(Id).remove();
    }
  }
}
