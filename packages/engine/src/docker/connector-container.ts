import type { Container } from 'dockerode';
import type { RunRequest } from '../engine.ts';
import { runEnvironment } from '../run/settings.ts';
import type { DockerHost } from './docker-host.ts';
import { workLabels } from './labels.ts';
import { restrictions } from './restrictions.ts';
import { nameOf, SIDECAR_NAME } from './run-network.ts';
import { EXCHANGE_INSIDE } from './sidecar-container.ts';
import { WAY_OUT_VARIABLES } from './way-out.ts';

/** A label in a connector's Dockerfile that asks for a root that can not be written to. */
const READ_ONLY_LABEL = 'slipway.read-only-root';
const TEMPORARY_MIB = 512;

/** Where and with what a connector is started. */
export interface ConnectorPlace {
  /** What the daemon calls the image. */
  readonly image: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly words: readonly string[];
  readonly networkMode: string;
}

/**
 * Makes the container of a connector, not yet started. It sees its image, the exchange folder and its run's network,
 * and nothing else.
 */
export async function createConnector(
  { docker, installation }: DockerHost,
  request: RunRequest,
  { image, words, networkMode }: ConnectorPlace,
): Promise<Container> {
  const { identity, limits, network } = request;
  const environment = runEnvironment(
    request.settings,
    identity,
    {
      containerApiUrl: `http://${SIDECAR_NAME}`,
      exchangeFolder: EXCHANGE_INSIDE,
      // PATH comes from the image, HOME from its user.
      surroundings: {},
      proxy: network.mode === 'allow-list' ? WAY_OUT_VARIABLES : {},
    },
    // The daemon adds the variables of the image itself, behind these.
    {},
  );
  const texts = [...words, ...Object.values(environment)];
  if (texts.some((text) => text.includes('\0'))) throw new Error('a setting holds a zero byte');
  const readOnly = image.labels[READ_ONLY_LABEL] === 'true';
  const isolated = !networkMode.startsWith('container:');
  return await docker.createContainer({
    name: nameOf(identity.runId, 'connector'),
    Image: image.name,
    Entrypoint: [...words],
    Cmd: [],
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    // A check of the image's own would run beside the connector.
    Healthcheck: { Test: ['NONE'] },
    AttachStdin: false,
    Tty: false,
    Labels: workLabels(installation, identity.runId, 'connector'),
    ...(isolated ? { Hostname: 'connector' } : {}),
    HostConfig: {
      ...restrictions(limits),
      NetworkMode: networkMode,
      Mounts: [{ Type: 'bind', Source: request.exchangeFolder, Target: EXCHANGE_INSIDE }],
      ReadonlyRootfs: readOnly,
      ...(readOnly ? { Tmpfs: { '/tmp': `rw,nosuid,size=${TEMPORARY_MIB}m` } } : {}),
      // Names of the run's network are answered by the daemon; others would be a way out.
      ...(isolated ? { Dns: ['127.0.0.1'] } : {}),
    },
  });
}
