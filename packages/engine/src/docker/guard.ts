import type { Container } from 'dockerode';
import { dockerMessage } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { workLabels } from './labels.ts';
import { nameServers, refusedRanges } from './reachable.ts';
import { nameOf, type RunNetwork } from './run-network.ts';

/** What `guard.sh` of the sidecar's image says when its rules are in force. */
const READY = 'guarded';

/**
 * Starts the guard of a run with an open network: a container that owns the network stack the connector will live in,
 * puts a packet filter into it, and then does nothing more. The connector joins without any capability, so it can not
 * touch the filter; nothing is changed on the machine itself, and the filter goes with the run.
 *
 * @returns the container to join, once the filter is in force
 */
export async function startGuard(
  host: DockerHost,
  runId: string,
  image: string,
  run: RunNetwork,
): Promise<Container> {
  const [description, refused, servers] = await Promise.all([
    run.network.inspect() as Promise<{ IPAM: { Config: { Subnet: string; Gateway: string }[] } }>,
    refusedRanges(host),
    nameServers(),
  ]);
  const [place] = description.IPAM.Config;
  if (!place) throw new Error('the network of the run has no addresses');
  const container = await host.docker.createContainer({
    name: nameOf(runId, 'guard'),
    Image: image,
    User: '0:0',
    Entrypoint: ['/opt/slipway/guard.sh'],
    Cmd: [],
    Env: [`RULES=${guardRules(place, refused, servers)}`],
    Hostname: 'connector',
    Labels: workLabels(host.installation, runId, 'guard'),
    HostConfig: {
      // The sleeping program would not hear a daemon that stops.
      Init: true,
      NetworkMode: run.name,
      CapDrop: ['ALL'],
      CapAdd: ['NET_ADMIN'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/run': 'rw,noexec,nosuid,size=1m' },
      Memory: 64 * 1024 ** 2,
      PidsLimit: 16,
      LogConfig: { Type: 'local', Config: {} },
      Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '1' },
    },
  });
  try {
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    await container.start();
    await untilReady(output);
    return container;
  } catch (error) {
    await container.remove({ force: true }).catch(() => {});
    throw new Error(`the network could not be guarded: ${dockerMessage(error)}`);
  }
}

async function untilReady(output: NodeJS.ReadableStream): Promise<void> {
  let said = '';
  for await (const chunk of output) {
    said += chunk.toString();
    if (said.includes(READY)) return;
    if (said.length > 10_000) break;
  }
  throw new Error(said.replace(/[^\x20-\x7e]+/g, ' ').trim() || 'it ended at once');
}

/** The packet filter, in the form of iptables-restore. What is not refused may be reached. */
function guardRules(
  place: { readonly Subnet: string; readonly Gateway: string },
  refused: readonly string[],
  servers: readonly string[],
): string {
  const out = (rest: string) => `-A OUTPUT ${rest}`;
  return [
    '*filter',
    out('-o lo -j ACCEPT'),
    // The machine itself, before what else is in the run's network: the sidecar.
    out(`-d ${place.Gateway} -j REJECT`),
    out(`-d ${place.Subnet} -p tcp --dport 80 -j ACCEPT`),
    ...servers.flatMap((server) =>
      ['udp', 'tcp'].map((protocol) => out(`-d ${server} -p ${protocol} --dport 53 -j ACCEPT`)),
    ),
    ...refused.map((range) => out(`-d ${range} -j REJECT`)),
    'COMMIT',
    '',
  ].join('\n');
}
