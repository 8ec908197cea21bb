import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitForProcess, waitForRun } from '@slipway/client';
import { sql } from 'kysely';
import { newId } from '../../src/ids.ts';
import { ownLimitsJson } from '../../src/versions/deployed.ts';
import { configJson } from '../../src/versions/representation.ts';
import { configured, makeConnector } from './connectors.ts';
import { makeAccount, makeProject, makeSite } from './platform.ts';
import type { TestServer, TestUser } from './server.ts';

const run = promisify(execFile);

/** Settings for servers on which local repositories are built. */
export const localRepositories = { SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true', SLIPWAY_ENGINE: 'process' };

/** A field of the form, and what is not the default of it. */
export interface TestField {
  option: string;
  type?: string;
  required?: boolean;
  default?: string | null;
  config?: string | null;
}

export interface DeployedConnector {
  id: string;
  versionId: string;
  account: number;
  project: number;
  /** Dev site of the version. */
  site: number;
  /** Data source on the dev site; null for types that are none. */
  source: number | null;
}

/** Commits a script to a repository and builds it with the server's engine; gives the digest. */
export async function buildScript(test: TestServer, script: string): Promise<string> {
  const { engine, settings } = test.server.services;
  const folder = join(settings.localRepositoriesRoot, newId());
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'main.js'), script);
  await writeFile(join(folder, 'Dockerfile'), 'FROM node:24-slim\nCOPY . .\nCMD ["node", "main.js"]\n');
  const git = (...words: string[]) =>
    run('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...words], { cwd: folder });
  await git('init', '--quiet', '--initial-branch', 'main');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'Begin');
  const { digest } = await engine.build({
    buildId: newId(),
    connector: { id: newId(), version: '1.0.0' },
    repository: { url: folder, branch: 'main', access: { authorization: 'public' } },
    command: 'node',
    arguments: 'main.js',
    healthCheck: null,
    timeoutMs: 60_000,
    log: () => {},
    mask: (text) => text,
    onStep: () => {},
    signal: new AbortController().signal,
  });
  return digest;
}

/** A connector on a dev site of its own, as a synchronization to dev leaves it. */
export async function deploy(
  test: TestServer,
  user: TestUser,
  digest: string,
  options: { type?: string; name?: string; fields?: readonly TestField[]; mode?: string } = {},
): Promise<DeployedConnector> {
  const { db, platform } = test.server.services;
  const type = options.type ?? 'datasource';
  const name = options.name ?? 'Test connector';
  const { id, versionId } = await makeConnector(test, user, { type, name, version: configured });
  await insertFields(test, versionId, options.fields ?? []);
  const { account } = await makeAccountWithSite(test);
  const version = { versionId, connectorId: id, major: 1, type, name };
  return db.transaction().execute(async (work) => {
    const project = await platform.ensureProject(work, account);
    const site = await platform.createSite(work, project, version);
    await sql`
      UPDATE connector_versions v SET state = 'synchronized-to-dev', dev_account = ${account}, dev_project = ${project},
        dev_site = ${site}, dev_config = ${configJson}, dev_limits = ${ownLimitsJson}, dev_digest = ${digest} WHERE v.id = ${versionId}`.execute(
      work,
    );
    const context = { ...systemActor, db: work, services: test.server.services };
    const { assignedToSite } = await platform.assign(context, version, site);
    return { id, versionId, account, project, site, source: assignedToSite };
  });
}

const systemActor = {
  actor: {
    kind: 'system' as const,
    id: '00000000-0000-0000-0000-000000000000',
    name: null,
    role: 'admin' as const,
    scopes: new Set<never>(),
    organizations: [],
  },
  requestId: null,
  ip: null,
};

/** An account, with a project and a site, that nobody has a right on. */
export async function makeAccountWithSite(
  test: TestServer,
): Promise<{ account: number; project: number; site: number }> {
  const account = await makeAccount(test);
  const project = await makeProject(test, account);
  const site = await makeSite(test, project);
  return { account, project, site };
}

/** Gives a user a right on an account, project or site. */
export async function grant(
  test: TestServer,
  user: TestUser,
  level: 'account' | 'project' | 'site',
  target: number,
  right: 'read' | 'write' | 'admin',
): Promise<void> {
  await test.server.services.db
    .insertInto('memberships')
    .values({ id: newId(), user_id: user.id, level, target, right })
    .execute();
}

/** Gives a version these form fields, in this order. */
export async function insertFields(
  test: TestServer,
  versionId: string,
  fields: readonly TestField[],
): Promise<void> {
  for (const [index, field] of fields.entries()) {
    await test.server.services.db
      .insertInto('individual_configs')
      .values({
        version_id: versionId,
        command_option: field.option,
        field_type: field.type ?? 'input',
        field_name: field.option,
        field_required: field.required ?? false,
        field_default_value: field.default ?? null,
        field_config: field.config ?? null,
        order: index + 1,
      })
      .execute();
  }
}

/** Waits until a process of a site has ended. */
export const endOfProcess = (test: TestServer, user: TestUser, site: number, id: string) =>
  waitForProcess(test.client(user), site, id);

/** Waits until a run has ended. */
export const endOfRun = (test: TestServer, user: TestUser, id: string) => waitForRun(test.client(user), id);
