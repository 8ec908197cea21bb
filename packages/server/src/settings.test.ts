import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { describeSettings, parseSettings, SettingsError } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

const token = 'a-token-of-thirty-two-characters-or-more';
const key = Buffer.alloc(32, 7).toString('base64');

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

test('without any variable the defaults of the contract hold', () => {
  const { settings, warnings } = parseSettings({});
  expect(warnings).toEqual([]);
  expect(settings).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    publicUrl: 'http://localhost:8080',
    trustProxy: false,
    home: resolve('.slipway'),
    databaseUrl: null,
    storageUrl: null,
    role: 'all',
    engine: 'auto',
    engineRequireIsolation: false,
    dockerHost: 'unix:///var/run/docker.sock',
    registry: null,
    registryUsername: null,
    registryPassword: null,
    containerApiConstraint: '^0.25',
    defaultExecutionMode: 'as-env-variables',
    runConcurrency: 4,
    buildConcurrency: 1,
    runMemoryMb: 1024,
    runCpus: 1,
    runTimeoutSeconds: 3600,
    runPids: 512,
    runMaxMemoryMb: 8192,
    runMaxCpus: 4,
    runMaxTimeoutSeconds: 21600,
    buildTimeoutSeconds: 1800,
    bodyLimitMib: 64,
    logLimitMib: 200,
    retentionRunDays: 90,
    retentionLogDays: 30,
    retentionArtifactDays: 7,
    retentionBuildDays: 90,
    retentionAuditDays: 365,
    retentionBinDays: 0,
    connectorsLimit: 10,
    releaseRole: 'integrator',
    adminToken: null,
    keyProvider: 'file',
    masterKey: null,
    secondMasterKey: null,
    oidcIssuer: null,
    oidcClientId: null,
    oidcClientSecret: null,
    localRepositoriesRoot: resolve('.slipway/repositories'),
    exportRoot: resolve('.slipway/exports'),
    egressDeny: [],
    corsOrigins: [],
    metricsToken: null,
    logLevel: 'info',
    timeZone: 'UTC',
  });
});

test('values are read as what they are', () => {
  const { settings } = parseSettings({
    SLIPWAY_PORT: '9000',
    SLIPWAY_PUBLIC_URL: 'https://slipway.example.com/',
    SLIPWAY_HOME: 'somewhere',
    SLIPWAY_DATABASE_URL: 'postgres://user:secret@db/slipway',
    SLIPWAY_RUN_CPUS: '0.5',
    SLIPWAY_DOCKER_HOST: '',
    SLIPWAY_EGRESS_DENY: '10.0.0.0/8, fd00::/8,192.0.2.1',
    SLIPWAY_CORS_ORIGINS: 'https://a.example.com,http://localhost:3000',
    SLIPWAY_TIME_ZONE: 'Europe/Berlin',
    SLIPWAY_ADMIN_TOKEN: token,
    SLIPWAY_KEY_PROVIDER: 'env',
    SLIPWAY_MASTER_KEY: key,
  });
  expect(settings).toMatchObject({
    port: 9000,
    publicUrl: 'https://slipway.example.com',
    home: resolve('somewhere'),
    exportRoot: resolve('somewhere/exports'),
    databaseUrl: 'postgres://user:secret@db/slipway',
    runCpus: 0.5,
    dockerHost: null,
    egressDeny: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
    corsOrigins: ['https://a.example.com', 'http://localhost:3000'],
    timeZone: 'Europe/Berlin',
    adminToken: token,
    masterKey: key,
  });
});

test('the demo, and with it local repositories, is for an embedded database unless said otherwise', () => {
  const demo = (environment: Record<string, string>) => {
    const { settings } = parseSettings(environment);
    return [settings.demo, settings.allowLocalRepositories];
  };
  const external = { SLIPWAY_DATABASE_URL: 'postgres://db/slipway' };
  expect(demo({})).toEqual([true, true]);
  expect(demo({ SLIPWAY_DEMO: 'false' })).toEqual([false, false]);
  expect(demo(external)).toEqual([false, false]);
  expect(demo({ ...external, SLIPWAY_DEMO: 'true' })).toEqual([true, true]);
  expect(demo({ SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'false' })).toEqual([true, false]);
});

describe('a wrong value is named with what is allowed', () => {
  test.each([
    ['SLIPWAY_PORT', '70000', 'SLIPWAY_PORT is "70000"; it can be a whole number from 0 to 65535.'],
    ['SLIPWAY_PORT', '80.5', 'SLIPWAY_PORT is "80.5"; it can be a whole number from 0 to 65535.'],
    ['SLIPWAY_RUN_CPUS', 'two', 'SLIPWAY_RUN_CPUS is "two"; it can be a number from 0.1 to 1024.'],
    ['SLIPWAY_TRUST_PROXY', 'yes', 'SLIPWAY_TRUST_PROXY is "yes"; it can be true or false.'],
    ['SLIPWAY_ROLE', 'web', 'SLIPWAY_ROLE is "web"; it can be all, api, worker.'],
    ['SLIPWAY_HOME', '', 'SLIPWAY_HOME is ""; it should be a path.'],
    [
      'SLIPWAY_PUBLIC_URL',
      'slipway.example.com',
      'SLIPWAY_PUBLIC_URL is "slipway.example.com"; it should be an address that begins with http:// or https://.',
    ],
    [
      'SLIPWAY_DATABASE_URL',
      'mysql://user:secret@db',
      'SLIPWAY_DATABASE_URL is ***; it should be an address that begins with postgres:// or postgresql://.',
    ],
    [
      'SLIPWAY_DOCKER_HOST',
      '/var/run/docker.sock',
      'SLIPWAY_DOCKER_HOST is "/var/run/docker.sock"; it should be empty, unix:///path, tcp://host:port, http://host:port, https://host:port or ssh://user@host.',
    ],
    ...['10.0.0.0/33', '10.0.0.0/8/8', 'fe80::/129', 'example.com'].map((range) => [
      'SLIPWAY_EGRESS_DENY',
      range,
      `SLIPWAY_EGRESS_DENY is "${range}"; it should be a list of addresses or ranges such as 10.0.0.0/8, separated by commas.`,
    ]),
    ...['*', 'https://a.example.com/path', 'ftp://a.example.com'].map((origin) => [
      'SLIPWAY_CORS_ORIGINS',
      origin,
      `SLIPWAY_CORS_ORIGINS is "${origin}"; it should be a list of origins such as https://portal.example.com, separated by commas.`,
    ]),
    [
      'SLIPWAY_ADMIN_TOKEN',
      'short',
      'SLIPWAY_ADMIN_TOKEN is ***; it should have 32 characters or more, without blanks.',
    ],
    ['SLIPWAY_MASTER_KEY', 'short', 'SLIPWAY_MASTER_KEY is ***; it should be 32 bytes in base64.'],
    ['SLIPWAY_KEY_PROVIDER', 'env', 'SLIPWAY_MASTER_KEY is not set; SLIPWAY_KEY_PROVIDER=env needs it.'],
    [
      'SLIPWAY_OIDC_CLIENT_ID',
      'slipway',
      'SLIPWAY_OIDC_ISSUER, SLIPWAY_OIDC_CLIENT_ID and SLIPWAY_OIDC_CLIENT_SECRET belong together.',
    ],
    [
      'SLIPWAY_REGISTRY_USERNAME',
      'slipway',
      'SLIPWAY_REGISTRY, SLIPWAY_REGISTRY_USERNAME and SLIPWAY_REGISTRY_PASSWORD belong together; the registry may stand alone.',
    ],
    [
      'SLIPWAY_TIME_ZONE',
      'Berlin',
      'SLIPWAY_TIME_ZONE is "Berlin"; it should be a zone such as Europe/Berlin.',
    ],
    [
      'SLIPWAY_STORAGE_URL',
      's3://bucket/prefix',
      'SLIPWAY_STORAGE_URL is "s3://bucket/prefix"; this release stores in the home folder only.',
    ],
    [
      'SLIPWAY_RUN_MEMORY_MB',
      '9000',
      'SLIPWAY_RUN_MEMORY_MB is 9000, more than SLIPWAY_RUN_MAX_MEMORY_MB, which is 8192.',
    ],
    ['SLIPWAY_RUN_CPUS', '8', 'SLIPWAY_RUN_CPUS is 8, more than SLIPWAY_RUN_MAX_CPUS, which is 4.'],
    [
      'SLIPWAY_RUN_TIMEOUT_SECONDS',
      '30000',
      'SLIPWAY_RUN_TIMEOUT_SECONDS is 30000, more than SLIPWAY_RUN_MAX_TIMEOUT_SECONDS, which is 21600.',
    ],
  ] as [string, string, string][])('%s=%s', (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([problem]);
  });
});

test('all problems are told at once', () => {
  expect(() => parseSettings({ SLIPWAY_PORT: 'http', SLIPWAY_ROLE: 'web' })).toThrow(
    'Slipway can not start with these settings:\n' +
      '  SLIPWAY_PORT is "http"; it can be a whole number from 0 to 65535.\n' +
      '  SLIPWAY_ROLE is "web"; it can be all, api, worker.',
  );
});

describe('<NAME>_FILE', () => {
  test('reads the value from a file, without the line end', () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${token}\n`);
    const { settings } = parseSettings({ SLIPWAY_ADMIN_TOKEN_FILE: file });
    expect(settings.adminToken).toBe(token);
    expect(describeSettings(settings)).toContainEqual({
      name: 'SLIPWAY_ADMIN_TOKEN',
      value: '***',
      source: 'file',
    });
  });

  test('is a problem when the file is missing, or the value is given too', () => {
    const file = join(folder, 'missing');
    expect(problemsOf({ SLIPWAY_PORT_FILE: file })).toEqual([
      `SLIPWAY_PORT_FILE: ${file} can not be read (ENOENT).`,
    ]);
    expect(problemsOf({ SLIPWAY_PORT: '80', SLIPWAY_PORT_FILE: file })).toEqual([
      'SLIPWAY_PORT and SLIPWAY_PORT_FILE are both set; keep one of them.',
    ]);
  });
});

test('an unknown name is a warning, those of the tests and of other programs are not', () => {
  expect(
    parseSettings({ SLIPWAY_PROT: '80', SLIPWAY_TEST_DATABASE_URL: 'x', SLIPWAYS: 'x', HOME: '/' }).warnings,
  ).toEqual(['SLIPWAY_PROT is no setting of Slipway; it is ignored.']);
});

test('every setting is described with its source, and no secret leaves', () => {
  const secrets = {
    SLIPWAY_DATABASE_URL: 'postgres://user:hidden-1@db/slipway',
    SLIPWAY_REGISTRY_PASSWORD: 'hidden-2',
    SLIPWAY_ADMIN_TOKEN: 'hidden-3-hidden-3-hidden-3-hidden-3',
    SLIPWAY_MASTER_KEY: key,
    SLIPWAY_OIDC_CLIENT_SECRET: 'hidden-4',
    SLIPWAY_METRICS_TOKEN: 'hidden-5',
  };
  const { settings } = parseSettings({
    ...secrets,
    SLIPWAY_REGISTRY: 'registry.example.com',
    SLIPWAY_REGISTRY_USERNAME: 'slipway',
    SLIPWAY_OIDC_ISSUER: 'https://id.example.com',
    SLIPWAY_OIDC_CLIENT_ID: 'slipway',
    SLIPWAY_PORT: '9000',
  });
  const described = describeSettings(settings);
  expect(described).toContainEqual({ name: 'SLIPWAY_PORT', value: '9000', source: 'environment' });
  expect(described).toContainEqual({ name: 'SLIPWAY_HOST', value: '127.0.0.1', source: 'default' });
  for (const name of Object.keys(secrets)) {
    expect(described).toContainEqual({ name, value: '***', source: 'environment' });
  }
  expect(JSON.stringify(described)).not.toMatch(/hidden/);
});
