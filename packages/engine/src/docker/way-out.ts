import type { DockerHost } from './docker-host.ts';
import { workLabels } from './labels.ts';
import { refusedRanges } from './reachable.ts';
import { nameOf, type RunNetwork, SIDECAR_NAME, uplinkNetwork } from './run-network.ts';

/** Name of the proxy in a run's network. */
const WAY_OUT_NAME = 'slipway-way-out';
const WAY_OUT_PORT = 3128;
const NO_PROXY = `${SIDECAR_NAME},localhost,127.0.0.1,::1`;

/** Variables by which a connector with an allow-list finds its way out. */
export const WAY_OUT_VARIABLES: Readonly<Record<string, string>> = {
  http_proxy: `http://${WAY_OUT_NAME}:${WAY_OUT_PORT}`,
  HTTP_PROXY: `http://${WAY_OUT_NAME}:${WAY_OUT_PORT}`,
  https_proxy: `http://${WAY_OUT_NAME}:${WAY_OUT_PORT}`,
  HTTPS_PROXY: `http://${WAY_OUT_NAME}:${WAY_OUT_PORT}`,
  no_proxy: NO_PROXY,
  NO_PROXY,
  NODE_USE_ENV_PROXY: '1',
};

/**
 * Starts the way out of a run with an allow-list: a proxy with one foot in the run's network, which leads nowhere, and
 * one in a network that does, where the connector is not. It reaches the listed hosts and nothing that is refused.
 */
export async function startWayOut(
  host: DockerHost,
  runId: string,
  image: string,
  run: RunNetwork,
  hosts: readonly string[],
): Promise<void> {
  const [refused, uplink] = await Promise.all([refusedRanges(host), uplinkNetwork(host)]);
  const container = await host.docker.createContainer({
    name: nameOf(runId, 'way-out'),
    Image: image,
    Entrypoint: ['node', '/opt/slipway/packages/engine/src/docker/way-out-main.ts'],
    Cmd: [],
    Env: [`WAY_OUT=${JSON.stringify({ hosts, refused, port: WAY_OUT_PORT })}`],
    Labels: workLabels(host.installation, runId, 'guard'),
    HostConfig: {
      NetworkMode: uplink,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Memory: 256 * 1024 ** 2,
      PidsLimit: 64,
      LogConfig: { Type: 'local', Config: {} },
    },
  });
  await run.network.connect({ Container: container.id, EndpointConfig: { Aliases: [WAY_OUT_NAME] } });
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  await container.start();
  for await (const chunk of output) if (chunk.toString().includes('listening')) return;
  throw new Error('the way out of the allow-list did not start');
}
