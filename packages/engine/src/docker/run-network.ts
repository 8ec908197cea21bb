import type { Network } from 'dockerode';
import type { NetworkPolicy } from '../engine.ts';
import type { DockerHost } from './docker-host.ts';
import { LABEL, labelFilter, workLabels } from './labels.ts';

/** The fixed name of the sidecar. */
export const SIDECAR_NAME = 'cde-container-api';

/** A network of one run alone. */
export interface RunNetwork {
  readonly network: Network;
  readonly name: string;
}

/** Name of a run's network and of the containers in it. */
export const nameOf = (runId: string, part: string): string => `slipway-${runId}-${part}`;

/**
 * Makes the network of a run. Only with an open network policy does it lead outside, and then a guard stands before it;
 * otherwise not even the machine has an address in it.
 */
export async function createRunNetwork(
  { docker, installation }: DockerHost,
  runId: string,
  policy: NetworkPolicy,
): Promise<RunNetwork> {
  const open = policy.mode === 'open';
  const name = nameOf(runId, 'network');
  const network = await docker.createNetwork({
    Name: name,
    Driver: 'bridge',
    CheckDuplicate: true,
    Internal: !open,
    EnableIPv6: false,
    Options: open ? {} : { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
    Labels: workLabels(installation, runId, 'network'),
  });
  return { network, name };
}

/** The network by which the ways out of allow-lists reach the outside; its containers do not see each other. */
export async function uplinkNetwork({ docker, installation }: DockerHost): Promise<string> {
  const name = `slipway-${installation.slice(0, 12)}-uplink`;
  const filters = labelFilter({ [LABEL.installation]: installation, [LABEL.kind]: 'uplink' });
  if ((await docker.listNetworks({ filters: JSON.stringify(filters) })).length > 0) return name;
  await docker
    .createNetwork({
      Name: name,
      Driver: 'bridge',
      CheckDuplicate: true,
      EnableIPv6: false,
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      Labels: { [LABEL.installation]: installation, [LABEL.kind]: 'uplink' },
    })
    .catch((error: { statusCode?: number }) => {
      // Another run has made it at the same moment.
      if (error.statusCode !== 409) throw error;
    });
  return name;
}
