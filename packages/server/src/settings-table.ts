import { executionModes } from '@slipway/contract';

/** The image that the engine docker builds itself, from these sources. */
export const BUILT_IN_CONTAINER_API = 'slipway/container-api:0.25.0';

/** How the text of a setting becomes its value. */
export type Kind =
  | { kind: 'text' }
  | { kind: 'choice'; values: readonly string[] }
  | { kind: 'integer'; from: number; to: number }
  | { kind: 'number'; from: number; to: number }
  | { kind: 'boolean' }
  | { kind: 'list'; of: 'ranges' | 'origins' }
  | { kind: 'docker host' }
  | { kind: 'path' }
  | { kind: 'url'; protocols: readonly string[]; exact?: true };

export interface SettingRow {
  name: string;
  /** As it stands when nothing is given; null: it follows from other settings, or is unset. */
  default: string | null;
  /** How the default reads in the documentation, where it is not its value. */
  shown?: string;
  meaning: string;
  secret?: true;
  type: Kind;
}

const text: Kind = { kind: 'text' };
const flag: Kind = { kind: 'boolean' };
const path: Kind = { kind: 'path' };
const list = (of: 'ranges' | 'origins'): Kind => ({ kind: 'list', of });
const integer = (from: number, to: number): Kind => ({ kind: 'integer', from, to });
const choice = (...values: string[]): Kind => ({ kind: 'choice', values });
const url = (...protocols: string[]): Kind => ({ kind: 'url', protocols });

const days = (name: string, value: string, what: string): SettingRow => ({
  name: `SLIPWAY_RETENTION_${name}_DAYS`,
  default: value,
  meaning: `Days that ${what} are kept; 0 = for ever.`,
  type: integer(0, 36_500),
});

/** Every setting once: what it is called, what it may be, what it means. Checks and documentation come from it. */
export const settingRows: readonly SettingRow[] = [
  { name: 'SLIPWAY_HOST', default: '127.0.0.1', meaning: 'Address to listen on.', type: text },
  {
    name: 'SLIPWAY_PORT',
    default: '8080',
    meaning: 'Port to listen on; 0 = any free one.',
    type: integer(0, 65_535),
  },
  {
    name: 'SLIPWAY_PUBLIC_URL',
    default: null,
    shown: 'http://localhost:<port>',
    meaning: 'Address under which clients reach the server.',
    type: url('http:', 'https:'),
  },
  {
    name: 'SLIPWAY_TRUST_PROXY',
    default: 'false',
    meaning: 'Honour forwarded headers of a proxy in front.',
    type: flag,
  },
  {
    name: 'SLIPWAY_HOME',
    default: '.slipway',
    meaning: 'Folder of database, storage, keys and work in progress.',
    type: path,
  },
  {
    name: 'SLIPWAY_DATABASE_URL',
    default: null,
    shown: 'embedded PostgreSQL',
    meaning: 'PostgreSQL 15 or newer.',
    secret: true,
    type: url('postgres:', 'postgresql:'),
  },
  {
    name: 'SLIPWAY_STORAGE_URL',
    default: null,
    shown: 'a folder in the home',
    meaning: 'Where rows and data sets lie.',
    type: text,
  },
  {
    name: 'SLIPWAY_ROLE',
    default: 'all',
    meaning: 'What this process does.',
    type: choice('all', 'api', 'worker'),
  },
  {
    name: 'SLIPWAY_ENGINE',
    default: 'auto',
    meaning: 'What runs connectors.',
    type: choice('auto', 'docker', 'kubernetes', 'sandbox', 'process'),
  },
  {
    name: 'SLIPWAY_ENGINE_REQUIRE_ISOLATION',
    default: 'false',
    meaning: 'Refuse engines without isolation.',
    type: flag,
  },
  {
    name: 'SLIPWAY_DOCKER_HOST',
    default: 'unix:///var/run/docker.sock',
    meaning: 'Docker Engine; empty = none. Also docker-host of new versions.',
    type: { kind: 'docker host' },
  },
  { name: 'SLIPWAY_REGISTRY', default: null, meaning: 'Registry that images are pushed to.', type: text },
  { name: 'SLIPWAY_REGISTRY_USERNAME', default: null, meaning: 'User at the registry.', type: text },
  {
    name: 'SLIPWAY_REGISTRY_PASSWORD',
    default: null,
    meaning: 'Password at the registry.',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_CONTAINER_API_IMAGE',
    default: BUILT_IN_CONTAINER_API,
    meaning: 'Default image of the Container API.',
    type: text,
  },
  {
    name: 'SLIPWAY_CONTAINER_API_CONSTRAINT',
    default: '^0.25',
    meaning: 'Version constraint of new versions.',
    type: text,
  },
  {
    name: 'SLIPWAY_DEFAULT_EXECUTION_MODE',
    default: 'as-env-variables',
    meaning: 'Execution mode of connectors created without one.',
    type: choice(...executionModes),
  },
  {
    name: 'SLIPWAY_RUN_CONCURRENCY',
    default: '4',
    meaning: 'Runs at a time in one worker.',
    type: integer(1, 1000),
  },
  {
    name: 'SLIPWAY_BUILD_CONCURRENCY',
    default: '1',
    meaning: 'Builds at a time in one worker.',
    type: integer(1, 100),
  },
  {
    name: 'SLIPWAY_RUN_MEMORY_MB',
    default: '1024',
    meaning: 'Memory of a run in MiB.',
    type: integer(64, 1_048_576),
  },
  {
    name: 'SLIPWAY_RUN_CPUS',
    default: '1',
    meaning: 'Processors of a run.',
    type: { kind: 'number', from: 0.1, to: 1024 },
  },
  {
    name: 'SLIPWAY_RUN_TIMEOUT_SECONDS',
    default: '3600',
    meaning: 'Time limit of a run.',
    type: integer(10, 604_800),
  },
  {
    name: 'SLIPWAY_RUN_PIDS',
    default: '512',
    meaning: 'Processes a run may have.',
    type: integer(16, 65_536),
  },
  {
    name: 'SLIPWAY_RUN_MAX_MEMORY_MB',
    default: '8192',
    meaning: 'The most memory a version may ask for.',
    type: integer(64, 1_048_576),
  },
  {
    name: 'SLIPWAY_RUN_MAX_CPUS',
    default: '4',
    meaning: 'The most processors a version may ask for.',
    type: { kind: 'number', from: 0.1, to: 1024 },
  },
  {
    name: 'SLIPWAY_RUN_MAX_TIMEOUT_SECONDS',
    default: '21600',
    meaning: 'The longest time limit a version may ask for.',
    type: integer(10, 604_800),
  },
  {
    name: 'SLIPWAY_BUILD_TIMEOUT_SECONDS',
    default: '1800',
    meaning: 'Time limit of a build.',
    type: integer(10, 86_400),
  },
  {
    name: 'SLIPWAY_BODY_LIMIT_MIB',
    default: '64',
    meaning: 'The largest request body.',
    type: integer(1, 512),
  },
  {
    name: 'SLIPWAY_LOG_LIMIT_MIB',
    default: '200',
    meaning: 'The largest log of a run.',
    type: integer(1, 10_240),
  },
  days('RUN', '90', 'records of runs'),
  days('LOG', '30', 'logs of runs, builds and synchronizations'),
  days('ARTIFACT', '7', 'rows and files of runs'),
  days('BUILD', '90', 'records of builds'),
  days('AUDIT', '365', 'audit events'),
  days('BIN', '0', 'connectors in the bin'),
  {
    name: 'SLIPWAY_CONNECTORS_LIMIT',
    default: '10',
    meaning: 'Connectors that a new organization may have.',
    type: integer(0, 10_000),
  },
  {
    name: 'SLIPWAY_RELEASE_ROLE',
    default: 'integrator',
    meaning: 'Who may release.',
    type: choice('integrator', 'admin'),
  },
  {
    name: 'SLIPWAY_ADMIN_TOKEN',
    default: null,
    meaning: 'Admin token that exists without a database row, 32 characters or more.',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_KEY_PROVIDER',
    default: 'file',
    meaning: 'Where the key that wraps all data keys comes from.',
    type: choice('file', 'env'),
  },
  {
    name: 'SLIPWAY_MASTER_KEY',
    default: null,
    meaning: 'That key for the provider env: 32 bytes in base64.',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_SECOND_MASTER_KEY',
    default: null,
    meaning:
      'Another key that opens stored values while the provider env changes its key. See [keys](guides/keys.md).',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_OIDC_ISSUER',
    default: null,
    meaning:
      'Issuer of the upstream sign-in, exactly as it names itself; http:// only on this machine. See [single sign-on](guides/single-sign-on.md).',
    // A slash at its end is part of the name.
    type: { kind: 'url', protocols: ['http:', 'https:'], exact: true },
  },
  {
    name: 'SLIPWAY_OIDC_CLIENT_ID',
    default: null,
    meaning: 'Client of Slipway at the upstream sign-in.',
    type: text,
  },
  {
    name: 'SLIPWAY_OIDC_CLIENT_SECRET',
    default: null,
    meaning: 'Secret of that client.',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_ALLOW_LOCAL_REPOSITORIES',
    default: null,
    shown: 'false, with the demo true',
    meaning: 'Take folders below the root as public repositories.',
    type: flag,
  },
  {
    name: 'SLIPWAY_LOCAL_REPOSITORIES_ROOT',
    default: null,
    shown: '<home>/repositories',
    meaning: 'Root of local repositories.',
    type: path,
  },
  {
    name: 'SLIPWAY_EXPORT_ROOT',
    default: null,
    shown: '<home>/exports',
    meaning: 'Root of folder destinations.',
    type: path,
  },
  {
    name: 'SLIPWAY_EGRESS_DENY',
    default: '',
    meaning: 'More refused address ranges, comma-separated.',
    type: list('ranges'),
  },
  {
    name: 'SLIPWAY_CORS_ORIGINS',
    default: '',
    meaning: 'Origins that may call from a browser, comma-separated.',
    type: list('origins'),
  },
  {
    name: 'SLIPWAY_METRICS_TOKEN',
    default: null,
    meaning: 'Token for /metrics; unset = loopback only.',
    secret: true,
    type: text,
  },
  {
    name: 'SLIPWAY_LOG_LEVEL',
    default: 'info',
    meaning: 'How much the server logs.',
    type: choice('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
  {
    name: 'SLIPWAY_TIME_ZONE',
    default: 'UTC',
    meaning: 'Zone of time stamps and of new schedules.',
    type: text,
  },
  {
    name: 'SLIPWAY_DEMO',
    default: 'auto',
    meaning: 'Make the demo workspace; auto = on an empty embedded database.',
    type: choice('auto', 'true', 'false'),
  },
];
