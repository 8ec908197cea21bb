import type { LookupFunction } from 'node:net';
import type { ConnectorType } from '@slipway/contract';
import type { Masker } from './log/masker.ts';

/** Something with an integer id and a name: site, project, account. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

/** The `container-api-config` of a connector version (container-api.md 2.6). */
export interface ContainerApiConfig {
  /** 1 to 999. */
  readonly 'batch-size-max': number;
  /** 1 to 10 characters. */
  readonly separator: string;
  readonly 'show-hidden': boolean;
}

/** Defaults of {@link ContainerApiConfig}. */
export const DEFAULT_CONTAINER_API_CONFIG: ContainerApiConfig = {
  'batch-size-max': 999,
  separator: '-',
  'show-hidden': false,
};

/** A classification of a run with category-specific attributes. */
export interface Classification {
  readonly id: number;
  readonly path: string;
}

/** Which hosts of absolute-form targets are forwarded to (container-api.md 2.1). Entries are `host` or `host:port`. */
export type ForwardPolicy =
  | { readonly mode: 'none' }
  | { readonly mode: 'open' }
  | { readonly mode: 'allow-list'; readonly hosts: readonly string[] };

/** Limits of files and storage processes (container-api.md 2.6 and 7). */
export interface FileLimits {
  /** Storage processes at a time; the others wait. */
  readonly parallelProcesses: number;
  /** Seconds that a storage process lives at most. */
  readonly processSeconds: number;
  /** Milliseconds after which an upload to the bucket is answered and goes on as a storage process. */
  readonly uploadAnswerMs: number;
  /** Bytes of the exchange folder beyond which downloads fail as on a full disk. */
  readonly exchangeBytes: number;
}

/** The contract's {@link FileLimits}. */
export const DEFAULT_FILE_LIMITS: FileLimits = {
  parallelProcesses: 4,
  processSeconds: 21_600,
  uploadAnswerMs: 4000,
  exchangeBytes: 10 * 1024 ** 3,
};

/** Everything a Container API needs to know about its run. Files are found below {@link folder}, see `run-folder.ts`. */
export interface RunContext {
  /** UUID. */
  readonly runId: string;
  /** UUID of the site's process. */
  readonly processId: string;
  readonly connector: { readonly id: string; readonly name: string; readonly type: ConnectorType };
  /** For instance `2.0.0`. */
  readonly version: string;
  readonly environment: 'dev' | 'prod';
  readonly stage: 'import' | 'intermediate' | 'export';
  readonly site: Named;
  readonly project: Named;
  readonly account: Named;
  readonly config: ContainerApiConfig;
  /** Bytes of a JSON body, and of one line of an NDJSON body. */
  readonly bodyLimitBytes: number;
  /** Bytes of the log; beyond, entries below `warning` are dropped. */
  readonly logLimitBytes: number;
  /** Absolute path of the run's folder. */
  readonly folder: string;
  /** Absolute path of the exchange folder where it does not lie in {@link folder}. */
  readonly exchangeFolder?: string;
  /** Absolute path of the transport area where it does not lie in {@link folder}. */
  readonly transportFolder?: string;
  /** Absolute path of the exchange folder as the connector sees it; cut off from source paths that begin with it. */
  readonly exchangePath: string;
  /** Absolute path of the linked bucket's folder; null: none is linked. */
  readonly bucketFolder: string | null;
  /** {@link DEFAULT_FILE_LIMITS} where left out. */
  readonly fileLimits?: Partial<FileLimits>;
  /** Column order of the channel of an export; null when it has none. */
  readonly columnOrder: readonly string[] | null;
  readonly classifications: readonly Classification[];
  readonly forward: ForwardPolicy;
  /** Resolves the names of hosts that are forwarded to, and fails for addresses that may not be reached. */
  readonly lookup?: LookupFunction;
  /** Base URL that the connector is told, whose host is accepted; null: the address that is listened on. */
  readonly publicUrl: string | null;
  /** Hides secrets in everything that is stored or shown. */
  readonly masker: Masker;
  readonly now: () => Date;
}
