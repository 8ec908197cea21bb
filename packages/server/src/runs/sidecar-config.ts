import { type RunConfig, runFolder } from '@slipway/container-api';
import type { SidecarListen } from '@slipway/engine';
import type { Services } from '../services.ts';
import type { ClaimedRun } from './claimed-run.ts';

/** Where a run's sidecar finds its files; absolute paths as the sidecar sees them. */
export interface SidecarPlaces {
  readonly folder: string;
  readonly bucketFolder: string | null;
}

/**
 * What the sidecar of a run is told, in this process or in another: secrets excepted, everything that its context is made
 * of (`contextOf` of container-api).
 *
 * @param listen null when nothing will listen: the run's journal is written without a Container API
 */
export function sidecarConfig(
  { settings }: Pick<Services, 'settings'>,
  run: ClaimedRun,
  { folder, bucketFolder }: SidecarPlaces,
  listen: SidecarListen | null,
): RunConfig {
  const { identity, spec, connectorName, site, project, account } = run;
  return {
    connector: { id: identity.connectorId, name: connectorName, type: spec.type },
    run: {
      id: identity.runId,
      'process-id': identity.processId,
      version: identity.connectorVersion,
      environment: identity.environment,
      stage: identity.stage,
    },
    site,
    project,
    account,
    'container-api-config': spec.containerApiConfig ?? {},
    listen: {
      ...(listen === null ? {} : { host: listen.host, port: listen.port }),
      ...(listen?.publicUrl ? { 'public-url': listen.publicUrl } : {}),
    },
    'run-folder': folder,
    'exchange-path': listen?.exchangePath ?? runFolder(folder).exchange,
    ...(bucketFolder === null ? {} : { 'bucket-folder': bucketFolder }),
    forward: listen?.forwardProxy ? forwardOf(spec) : { mode: 'none' },
    limits: { 'body-mib': settings.bodyLimitMib, 'log-mib': settings.logLimitMib },
  };
}

/** Calls that a connector sends through its Container API reach what the version's network policy lets it reach. */
const forwardOf = ({ network, allowList }: ClaimedRun['spec']): NonNullable<RunConfig['forward']> =>
  network === 'allow-list' ? { mode: network, hosts: allowList } : { mode: network };
