import type { LookupFunction } from 'node:net';
import type { Masker } from '../log/masker.ts';
import {
  DEFAULT_CONTAINER_API_CONFIG,
  type FileLimits,
  type ForwardPolicy,
  type Named,
  type RunContext,
} from '../run-context.ts';
import { runFolder } from '../run-folder.ts';
import { type RunConfig, stageOf } from './run-config.ts';

const MEBIBYTE = 1024 ** 2;
const DEFAULT_BODY_MIB = 64;
const DEFAULT_LOG_MIB = 200;
/** What a run belongs to that belongs to no site (container-api.md 5.19). */
const LOCAL: Named = { id: 0, name: 'local' };
const NO_CONNECTOR = '00000000-0000-0000-0000-000000000000';

/** Ids of a run whose configuration names none. */
export interface LocalIds {
  readonly runId: string;
  readonly processId: string;
}

/** What belongs to a run and can not be written down, or is known by its place. */
export interface ContextParts {
  /** Absolute path of the run's folder. */
  readonly folder: string;
  readonly ids: LocalIds;
  /** Makes a path of the configuration absolute. */
  readonly at: (path: string) => string;
  readonly masker: Masker;
  readonly lookup?: LookupFunction;
  readonly now: () => Date;
}

/** The context of a run, with defaults for what its configuration leaves out. */
export function contextOf(config: RunConfig, parts: ContextParts): RunContext {
  const { connector, run = {}, limits = {} } = config;
  const { folder, ids, at, masker, lookup, now } = parts;
  const absolute = (path: string | undefined): string | null => (path === undefined ? null : at(path));
  const exchange = absolute(config['exchange-folder']);
  const transport = absolute(config['transport-folder']);
  return {
    runId: run.id ?? ids.runId,
    processId: run['process-id'] ?? ids.processId,
    connector: {
      id: connector.id ?? NO_CONNECTOR,
      name: connector.name ?? LOCAL.name,
      type: connector.type,
    },
    version: run.version ?? '0.0.0',
    environment: run.environment ?? 'dev',
    stage: run.stage ?? stageOf(connector.type),
    site: config.site ?? LOCAL,
    project: config.project ?? LOCAL,
    account: config.account ?? LOCAL,
    config: { ...DEFAULT_CONTAINER_API_CONFIG, ...config['container-api-config'] },
    bodyLimitBytes: (limits['body-mib'] ?? DEFAULT_BODY_MIB) * MEBIBYTE,
    logLimitBytes: (limits['log-mib'] ?? DEFAULT_LOG_MIB) * MEBIBYTE,
    folder,
    ...(exchange === null ? {} : { exchangeFolder: exchange }),
    ...(transport === null ? {} : { transportFolder: transport }),
    exchangePath: config['exchange-path'] ?? exchange ?? runFolder(folder).exchange,
    bucketFolder: absolute(config['bucket-folder']),
    fileLimits: fileLimitsOf(limits),
    columnOrder: config['column-order'] ?? null,
    classifications: (config.classifications ?? []).map((one) => ({
      id: one['classification-id'],
      path: one['classification-path'],
    })),
    forward: forwardOf(config.forward),
    ...(lookup ? { lookup } : {}),
    publicUrl: config.listen?.['public-url'] ?? null,
    masker,
    now,
  };
}

function fileLimitsOf(limits: NonNullable<RunConfig['limits']>): Partial<FileLimits> {
  const { 'storage-processes': parallelProcesses, 'exchange-mib': exchangeMib } = limits;
  return {
    ...(parallelProcesses === undefined ? {} : { parallelProcesses }),
    ...(exchangeMib === undefined ? {} : { exchangeBytes: exchangeMib * MEBIBYTE }),
  };
}

function forwardOf(forward: RunConfig['forward']): ForwardPolicy {
  if (forward === undefined) return { mode: 'none' };
  return forward.mode === 'allow-list'
    ? { mode: forward.mode, hosts: forward.hosts ?? [] }
    : { mode: forward.mode };
}
