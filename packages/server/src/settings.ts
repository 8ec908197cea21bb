import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionMode } from '@slipway/contract';
import { isLoopback } from './http/outgoing.ts';
import { type SettingRow, settingRows } from './settings-table.ts';
import { allowed, parseValue } from './settings-values.ts';

/** The settings of a process: read once at start, never changed. Paths are absolute. */
export interface Settings {
  host: string;
  port: number;
  /** Base address of the API, without a slash at the end. */
  publicUrl: string;
  trustProxy: boolean;
  home: string;
  databaseUrl: string | null;
  storageUrl: string | null;
  role: 'all' | 'api' | 'worker';
  engine: 'auto' | 'docker' | 'kubernetes' | 'sandbox' | 'process';
  engineRequireIsolation: boolean;
  dockerHost: string | null;
  registry: string | null;
  registryUsername: string | null;
  registryPassword: string | null;
  containerApiImage: string;
  containerApiConstraint: string;
  defaultExecutionMode: ExecutionMode;
  runConcurrency: number;
  buildConcurrency: number;
  runMemoryMb: number;
  runCpus: number;
  runTimeoutSeconds: number;
  runPids: number;
  runMaxMemoryMb: number;
  runMaxCpus: number;
  runMaxTimeoutSeconds: number;
  buildTimeoutSeconds: number;
  bodyLimitMib: number;
  logLimitMib: number;
  retentionRunDays: number;
  retentionLogDays: number;
  retentionArtifactDays: number;
  retentionBuildDays: number;
  retentionAuditDays: number;
  retentionBinDays: number;
  connectorsLimit: number;
  releaseRole: 'integrator' | 'admin';
  adminToken: string | null;
  keyProvider: 'file' | 'env';
  masterKey: string | null;
  secondMasterKey: string | null;
  oidcIssuer: string | null;
  oidcClientId: string | null;
  oidcClientSecret: string | null;
  allowLocalRepositories: boolean;
  localRepositoriesRoot: string;
  exportRoot: string;
  egressDeny: string[];
  corsOrigins: string[];
  metricsToken: string | null;
  logLevel: string;
  timeZone: string;
  /** Whether an empty database gets the demo workspace. */
  demo: boolean;
  /** PATH and LANG of the server, which connectors inherit. */
  path: string;
  lang: string;
  /** For `describeSettings`: where each value came from. */
  readonly sources: ReadonlyMap<string, { value: string | null; source: 'default' | 'environment' | 'file' }>;
}

/** The start is refused: one line for each problem, secrets masked. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Slipway can not start with these settings:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
type Values = Record<string, unknown>;

/**
 * Reads and checks all settings together.
 *
 * @throws {SettingsError} naming every wrong one
 */
export function parseSettings(environment: Environment): { settings: Settings; warnings: string[] } {
  const problems: string[] = [];
  const sources = new Map<string, { value: string | null; source: 'default' | 'environment' | 'file' }>();
  const values: Values = {};
  for (const row of settingRows) {
    const given = readGiven(row, environment, problems);
    const raw = given?.value ?? row.default;
    sources.set(row.name, { value: raw, source: given?.source ?? 'default' });
    values[propertyName(row.name)] = raw === null ? null : convert(row, raw, problems);
  }
  checkTogether(values, problems);
  if (problems.length > 0) throw new SettingsError(problems);
  return { settings: complete(values, environment, sources), warnings: unknownNames(environment) };
}

/** `SLIPWAY_RUN_MEMORY_MB` → `runMemoryMb` */
const propertyName = (name: string): string =>
  name
    .slice('SLIPWAY_'.length)
    .toLowerCase()
    .replace(/_(\w)/g, (_whole, letter: string) => letter.toUpperCase());

/** The variable itself, or the file that `<NAME>_FILE` names. An empty value counts as given where empty means "none". */
function readGiven(
  row: SettingRow,
  environment: Environment,
  problems: string[],
): { value: string; source: 'environment' | 'file' } | null {
  const own = environment[row.name];
  const file = environment[`${row.name}_FILE`];
  if (own !== undefined && file !== undefined) {
    problems.push(`${row.name} and ${row.name}_FILE are both set; keep one of them.`);
  }
  if (own !== undefined)
    return own === '' && row.default === null ? null : { value: own, source: 'environment' };
  if (file === undefined) return null;
  try {
    return { value: readFileSync(file, 'utf8').replace(/\r?\n$/, ''), source: 'file' };
  } catch (error) {
    problems.push(`${row.name}_FILE: ${file} can not be read (${(error as NodeJS.ErrnoException).code}).`);
    return null;
  }
}

function convert(row: SettingRow, raw: string, problems: string[]): unknown {
  const value = parseValue(row.type, raw);
  if (value !== undefined) return value;
  problems.push(`${row.name} is ${row.secret ? '***' : `"${raw}"`}; ${allowed(row.type)}.`);
  return null;
}

/** Rules between settings. */
function checkTogether(values: Values, problems: string[]): void {
  for (const what of ['MemoryMb', 'Cpus', 'TimeoutSeconds']) {
    const [normal, most] = [values[`run${what}`], values[`runMax${what}`]];
    if (typeof normal === 'number' && typeof most === 'number' && normal > most) {
      const name = what.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
      problems.push(`SLIPWAY_RUN_${name} is ${normal}, more than SLIPWAY_RUN_MAX_${name}, which is ${most}.`);
    }
  }
  const token = values.adminToken;
  if (typeof token === 'string' && (token.length < 32 || /\s/.test(token))) {
    problems.push('SLIPWAY_ADMIN_TOKEN is ***; it should have 32 characters or more, without blanks.');
  }
  const key = values.masterKey;
  if (values.keyProvider === 'env' && typeof key !== 'string') {
    problems.push('SLIPWAY_MASTER_KEY is not set; SLIPWAY_KEY_PROVIDER=env needs it.');
  }
  for (const [name, given] of [
    ['SLIPWAY_MASTER_KEY', key],
    ['SLIPWAY_SECOND_MASTER_KEY', values.secondMasterKey],
  ] as const) {
    if (typeof given === 'string' && !/^[A-Za-z0-9+/]{43}=$/.test(given)) {
      problems.push(`${name} is ***; it should be 32 bytes in base64.`);
    }
  }
  const upstream = ['oidcIssuer', 'oidcClientId', 'oidcClientSecret'].filter((name) => values[name] === null);
  if (upstream.length === 1 || upstream.length === 2) {
    problems.push(
      'SLIPWAY_OIDC_ISSUER, SLIPWAY_OIDC_CLIENT_ID and SLIPWAY_OIDC_CLIENT_SECRET belong together.',
    );
  }
  const issuer = values.oidcIssuer;
  if (typeof issuer === 'string' && issuer.startsWith('http:') && !isLoopback(new URL(issuer).hostname)) {
    problems.push(
      `SLIPWAY_OIDC_ISSUER is "${issuer}"; it should begin with https://, or with http:// on this machine.`,
    );
  }
  if (values.registryUsername !== null || values.registryPassword !== null) {
    if (values.registry === null || values.registryUsername === null || values.registryPassword === null) {
      problems.push(
        'SLIPWAY_REGISTRY, SLIPWAY_REGISTRY_USERNAME and SLIPWAY_REGISTRY_PASSWORD belong together; the registry may stand alone.',
      );
    }
  }
  if (typeof values.timeZone === 'string' && !isTimeZone(values.timeZone)) {
    problems.push(`SLIPWAY_TIME_ZONE is "${values.timeZone}"; it should be a zone such as Europe/Berlin.`);
  }
  if (typeof values.storageUrl === 'string') {
    problems.push(
      `SLIPWAY_STORAGE_URL is "${values.storageUrl}"; this release stores in the home folder only.`,
    );
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z0-9_+\-/]+$/.test(name);
  } catch {
    return false;
  }
}

/** What follows from other settings. */
function complete(values: Values, environment: Environment, sources: Settings['sources']): Settings {
  const home = values.home as string;
  const embedded = values.databaseUrl === null;
  const demo = values.demo === 'true' || (values.demo === 'auto' && embedded);
  return {
    ...values,
    publicUrl: values.publicUrl ?? `http://localhost:${values.port}`,
    dockerHost: values.dockerHost ?? null,
    demo,
    allowLocalRepositories: values.allowLocalRepositories ?? demo,
    localRepositoriesRoot: values.localRepositoriesRoot ?? join(home, 'repositories'),
    exportRoot: values.exportRoot ?? join(home, 'exports'),
    path: environment.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    lang: environment.LANG ?? 'C.UTF-8',
    sources,
  } as Settings;
}

/** A name with our prefix that is no setting is most likely a typing error. */
function unknownNames(environment: Environment): string[] {
  const known = new Set(settingRows.flatMap(({ name }) => [name, `${name}_FILE`]));
  return Object.keys(environment)
    .filter((name) => name.startsWith('SLIPWAY_') && !known.has(name) && !name.startsWith('SLIPWAY_TEST_'))
    .sort()
    .map((name) => `${name} is no setting of Slipway; it is ignored.`);
}

/** Name, value and source of every setting, secrets as `***`: for `slipway settings` and the system page. */
export const describeSettings = ({
  sources,
}: Settings): { name: string; value: string | null; source: string }[] =>
  settingRows.map(({ name, secret }) => {
    const { value, source } = sources.get(name) ?? { value: null, source: 'default' };
    return { name, value: secret && value !== null ? '***' : value, source };
  });
