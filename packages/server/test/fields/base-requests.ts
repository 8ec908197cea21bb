import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import type { Operation } from '@slipway/contract';
import { sql, type Updateable } from 'kysely';
import type { ConnectorVersions } from '../../src/database/schema.ts';
import { newId, sha256 } from '../../src/ids.ts';
import { goldenCases } from '../golden/cases.ts';
import { type Callers, fixtures as goldenFixtures } from '../golden/fixtures.ts';
import { configured, makeConnector } from '../support/connectors.ts';
import { deploy, endOfRun } from '../support/deployed.ts';
import { makeDataSet } from '../support/entities.ts';
import { givePassword, password, signIn } from '../support/oauth.ts';
import { makeAccount, makeChannel, makeProject, makeSite } from '../support/platform.ts';
import { makeProdConnector, makeVersion } from '../support/production.ts';
import { makeRepository } from '../support/repository.ts';
import { testFields } from '../support/script.ts';
import type { TestUser } from '../support/server.ts';
import { built } from '../support/version-calls.ts';
import type { Base } from './attempt.ts';
import type { World } from './world.ts';

type Fixture = (world: World) => Base | Promise<Base>;

/**
 * A request of the operation that the server grants, on entities of its own wherever it changes them. Reads look at the
 * world; documented operations take their golden example of success; the rest stands in the table below.
 *
 * @returns null when there is none: the operation needs a row in the table
 */
export async function baseRequestOf(operation: Operation, world: World): Promise<Base | null> {
  const fixture = fixtures[operation.id];
  if (fixture) return fixture(world);
  const golden = goldenCases(new Set([operation.id])).find(({ status }) => status < 300);
  const prepare = goldenFixtures[operation.id];
  if (golden && prepare) {
    const callers = await callersOf(world);
    const { params, request = golden.request } = await prepare(world.server, callers, golden);
    const base = { params, token: callers.admin.token, ...(golden.query ? { query: golden.query } : {}) };
    const file = (request as { multipart?: Record<string, string> } | undefined)?.multipart;
    if (file) return { ...base, file: Object.values(file)[0] as string };
    return { ...base, ...(request ? { body: request } : {}) };
  }
  return operation.method === 'GET' ? { params: world.params } : null;
}

/** Everything belongs to an admin, who makes every request; another one each time, since some join organizations. */
async function callersOf({ server }: World): Promise<Callers> {
  const admin = await server.makeUser({ role: 'admin' });
  const other = await server.makeUser();
  return { member: admin, admin, viewer: other, foreign: other, 'no-scope': other };
}

interface Made {
  connector: { id: string; versionId: string };
  params: { publicId: string; connectorVersion: string };
}

async function made(
  { server, admin }: World,
  options: Parameters<typeof makeConnector>[2] = {},
): Promise<Made> {
  const connector = await makeConnector(server, admin, options);
  return { connector, params: { publicId: connector.id, connectorVersion: '1' } };
}

/** An operation below a new version. */
const onVersion =
  (body?: Base['body'], version: Updateable<ConnectorVersions> = {}, type = 'datasource'): Fixture =>
  async (world) => {
    const { params } = await made(world, { type, version: { ...configured, ...version } });
    return body ? { params, body } : { params };
  };

/** The answer's data of a request that must succeed. */
async function ask(
  { server, admin }: World,
  method: string,
  path: string,
  body?: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
): Promise<any> {
  const answer = await server.request(method, path, { token: admin.token, body });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.body?.data;
}

const name = () => `Name ${newId()}`;

async function place({ server }: World) {
  const account = await makeAccount(server);
  const project = await makeProject(server, account);
  const site = await makeSite(server, project);
  return {
    account,
    project,
    site,
    params: { accountId: String(account), projectId: String(project), siteId: String(site) },
  };
}

async function dataSource(world: World): Promise<Record<string, string>> {
  const siteId = String(world.deployed.site);
  const { id } = await ask(world, 'POST', `/platform/sites/${siteId}/data-sources`, dataSourceBody(world));
  return { siteId, dataSourceId: String(id) };
}

async function insertLegacy(world: World): Promise<number> {
  const row = await world.server.server.services.db
    .insertInto('legacy_executables')
    .values({ name: name(), kind: 'source', image: 'legacy', command: 'run' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

const field = { 'command-option': 'shop', 'field-type': 'input', 'field-name': 'Shop' };

async function withField(world: World): Promise<Record<string, string>> {
  const { params } = await made(world);
  await ask(world, 'POST', `/connectors/${params.publicId}/versions/1/individual-configs`, field);
  return { ...params, commandOption: 'shop' };
}

async function pendingState(world: World, name = 'build'): Promise<string> {
  const { connector } = await made(world, {
    version: { ...built, state: 'building', state_before: 'built' },
  });
  const id = newId();
  await world.server.server.services.db
    .insertInto('states')
    .values({
      id,
      name,
      status: 'pending',
      owner_id: world.admin.id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      config: '{}',
    })
    .execute();
  if (name === 'build') {
    await world.server.server.services.db
      .insertInto('builds')
      .values({
        id,
        connector_id: connector.id,
        version_id: connector.versionId,
        major: 1,
        version: '1.0.0',
        branch: 'main',
        status: 'queued',
        steps: '[]',
        triggered_by: world.admin.id,
      })
      .execute();
  }
  return id;
}

async function bucket(world: World): Promise<string> {
  return (await ask(world, 'POST', '/buckets', { name: name() })).id;
}

async function webhook(world: World): Promise<string> {
  const body = { name: name(), url: 'https://example.com/hook', events: ['*'] };
  return (await ask(world, 'POST', '/webhooks', body)).id;
}

async function signedIn({ server }: World): Promise<{ token: string; user: TestUser }> {
  const user = await server.makeUser();
  const { tokens } = await signIn(server, await givePassword(server, user));
  return { token: tokens.access_token as string, user };
}

async function waitingProcess(world: World): Promise<Record<string, string>> {
  const { params, site } = await place(world);
  const { id } = await world.server.server.services.db
    .insertInto('processes')
    .values({
      id: newId(),
      site_id: site,
      action: 'import',
      status: 'queued',
      trigger: 'manual',
      steps: '[]',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { ...params, processId: id };
}

const organization: Fixture = async ({ server }) => ({
  params: { organizationId: await server.makeOrganization() },
});

const fields = [{ name: 'key', label: 'Key', secret: true }];
const dataSourceBody = ({ deployed }: World) => ({
  name: name(),
  kind: 'connector',
  connector: { id: deployed.id, version: 1, values: { rows: '1' } },
});
const channelBody = {
  fields: [{ name: 'id', aliases: ['sku'], mandatory: true }],
  'file-names': { plain: 'products.csv' },
  classifications: [{ id: '1', path: 'Shoes' }],
};
const moving = { flow: 'migration' };

/** One row for each operation that changes something and has no golden example of success, and for special reads. */
const fixtures: Record<string, Fixture> = {
  connector_delete: async (world) => {
    const { params } = await made(world);
    await ask(world, 'PATCH', `/connectors/${params.publicId}/move-to-bin`);
    return { params };
  },
  connector_update: onVersion({ 'connector-name': 'Other', readme: 'Text' }),
  connector_update_main_version: onVersion({ version: 1 }, { ...built, released: true }),
  connector_version_create: onVersion(),
  connector_version_delete: async (world) => {
    const { params } = await made(world, { version: configured });
    await ask(world, 'POST', `/connectors/${params.publicId}/versions`);
    return { params };
  },
  connector_version_update: onVersion({ name: 'Other', description: null }),
  connector_version_remove_logo: async (world) => ({ params: await withLogo(world) }),
  logo_show: async (world) => ({ params: { ...(await withLogo(world)), major: '1' } }),
  connector_version_show_authentication: async ({ params }) => ({ params }),
  connector_individual_config_remove: async (world) => ({ params: await withField(world) }),
  // A field that got another name stands at another address.
  connector_individual_config_update: async (world) => ({
    params: await withField(world),
    body: field,
    once: true,
  }),
  connector_individual_config_reorder: async (world) => ({
    params: await withField(world),
    body: { order: ['shop'] },
  }),
  connector_renew_deploy_key: onVersion(undefined, { vcs_authorization: 'deploy-key' }),
  connector_update_application_config: onVersion({ command: 'node', arguments: 'main.js' }),
  connector_update_vcs_config: onVersion({ authorization: 'public', url: 'https://example.com/a.git' }),
  connector_validate_vcs_config: async (world) => {
    const { url } = makeRepository(world.server);
    const { params } = await made(world, { version: { ...configured, vcs_url: url } });
    return { params };
  },
  connector_update_data_service_config: onVersion({ stages: ['import'] }, {}, 'data-service'),
  connector_update_datasource_config: onVersion({ categories: ['orders'] }),
  connector_update_export_config: onVersion({ 'feedback-file-enabled': false }, {}, 'export'),
  connector_update_container_api_config: onVersion({ 'batch-size-max': 10, separator: ';' }),
  connector_update_execution_limits: onVersion({ 'memory-mb': 512, network: 'open' }),
  connector_update_feature_flags: onVersion({ 'feature-flags': ['a'] }),
  bucket_create: () => ({ body: { name: name() } }),
  bucket_delete: async (world) => ({ params: { bucketId: await bucket(world) } }),
  connector_bucket_remove_link: async (world) => {
    const { params } = await made(world);
    const id = await bucket(world);
    await ask(world, 'POST', `/connectors/${params.publicId}/versions/1/buckets`, {
      'bucket-id': id,
      type: 'free',
      environment: 'dev',
    });
    return { params: { ...params, bucketId: id, environment: 'dev' } };
  },
  build_cancel: async (world) => ({ params: { buildId: await pendingState(world) } }),
  state_cancel: async (world) => ({ params: { stateId: await pendingState(world) } }),
  connector_sync_dev: async (world) => {
    const account = await makeAccount(world.server);
    return onVersion(undefined, { ...built, dev_account: account })(world);
  },
  connector_update_dev_reference: async (world) => {
    const { account, project, site } = await place(world);
    return onVersion({ account, project, site })(world);
  },
  connector_update_runtime_dev: onVersion({ environment: 'cre', version: null }),
  connector_move_sites: async (world) => {
    const connector = await makeProdConnector(world.server, world.admin);
    await makeVersion(world.server, connector, 2);
    return { params: { publicId: connector.id, connectorVersion: '1' }, body: { version: 2 } };
  },
  connector_release: async (world) => {
    const connector = await makeProdConnector(world.server, world.admin);
    return { params: { publicId: connector.id, connectorVersion: '1' } };
  },
  connector_release_preview: async (world) => {
    const connector = await makeProdConnector(world.server, world.admin);
    return { params: { publicId: connector.id, connectorVersion: '1' } };
  },
  connector_reset_migration: async (world) => ({ params: (await made(world, { details: moving })).params }),
  connector_set_legacy_executable: async (world) => ({
    params: (await made(world, { details: moving })).params,
    body: { 'legacy-executable': await insertLegacy(world) },
  }),
  connector_sync_prod: async (world) =>
    onVersion(
      { 'target-accounts': [await makeAccount(world.server)] },
      { ...built, state: 'synchronized-to-dev' },
    )(world),
  // Few runs wait for a site at the same time.
  run_create: async ({ server, admin, digest }) => {
    const { id, site } = await deploy(server, admin, digest, { fields: testFields });
    return { body: { connector: id, version: 1, site, values: { rows: '1' } } };
  },
  run_replay: async (world) => {
    const { server, admin } = world;
    const { body } = await (fixtures.run_create as Fixture)(world);
    const { run } = await ask(world, 'POST', '/runs', body);
    await endOfRun(server, admin, run.uuid);
    return { params: { runId: run.uuid }, body: { version: 1 } };
  },
  run_file_show: async ({ server, params }) => {
    const { storage } = server.server.services;
    const { exchange } = runFolder(await storage.folder('runs', params.runId as string));
    await mkdir(exchange, { recursive: true });
    await writeFile(join(exchange, 'report.txt'), 'done');
    return { params: { ...params, store: 'exchange', path: 'report.txt' } };
  },
  run_cancel: async (world) => ({ params: { runId: await world.putRun('queued') } }),
  organization_update: async (world) => ({
    ...(await organization(world)),
    body: { name: name(), 'notification-config': { destination: '#a', triggers: ['extensive-release'] } },
  }),
  organization_create: () => ({ body: { name: name() } }),
  organization_delete: organization,
  token_create: () => ({ body: { name: name(), scopes: ['connectors:read'], 'expires-in-days': 1 } }),
  token_delete: async (world) => ({
    params: { tokenId: (await ask(world, 'POST', '/tokens', { name: name(), scopes: ['admin'] })).id },
  }),
  user_update: async ({ server }) => ({
    params: { userId: (await server.makeUser()).id },
    body: { name: 'Somebody', role: 'viewer' },
  }),
  user_invite: () => ({ body: { email: `${newId()}@example.com`, name: 'Somebody', role: 'viewer' } }),
  invitation_accept: async ({ server }) => {
    const token = newId();
    const { id } = await server.makeUser();
    const { db } = server.server.services;
    await db.updateTable('users').set({ status: 'invited' }).where('id', '=', id).execute();
    await db
      .insertInto('invitations')
      .values({ token_hash: sha256(token), user_id: id, expires_at: new Date(Date.now() + 86_400_000) })
      .execute();
    return { params: { token }, body: { name: 'Somebody', password }, once: true };
  },
  me_update_password: async (world) => {
    const { token } = await signedIn(world);
    return { token, body: { current: password, new: `${password} again` } };
  },
  sign_in_delete: async (world) => {
    const { token, user } = await signedIn(world);
    const { id } = await world.server.server.services.db
      .selectFrom('sign_ins')
      .select('id')
      .where('user_id', '=', user.id)
      .executeTakeFirstOrThrow();
    return { token, params: { signInId: id } };
  },
  oauth_client_create: () => ({
    body: {
      name: name(),
      kind: 'public',
      'grant-types': ['authorization_code'],
      'redirect-uris': ['https://example.com/callback'],
      scopes: ['connectors:read'],
    },
  }),
  oauth_client_delete: async (world) => {
    const { body = {} } = await (fixtures.oauth_client_create as Fixture)(world);
    return { params: { clientId: (await ask(world, 'POST', '/oauth-clients', body))['client-id'] } };
  },
  secret_put: () => ({
    params: { path: `fields/${newId()}` },
    body: { fields: { key: 'value' }, owner: null },
  }),
  secret_delete: async (world) => {
    const path = `fields/${newId()}`;
    await ask(world, 'PUT', `/secrets/${path}`, { fields: { key: 'value' } });
    return { params: { path } };
  },
  authentication_create: () => ({ body: { name: name(), kind: 'fields', fields } }),
  authentication_update: async (world) => ({
    params: { authenticationId: await authentication(world) },
    body: { name: name(), fields },
  }),
  authentication_delete: async (world) => ({ params: { authenticationId: await authentication(world) } }),
  webhook_create: () => ({ body: { name: name(), url: 'https://example.com/hook', events: ['*'] } }),
  webhook_update: async (world) => ({ params: { webhookId: await webhook(world) }, body: { name: name() } }),
  webhook_delete: async (world) => ({ params: { webhookId: await webhook(world) } }),
  webhook_redeliver: async (world) => {
    const webhookId = await webhook(world);
    const deliveryId = newId();
    await world.server.server.services.db
      .insertInto('webhook_deliveries')
      .values({
        id: deliveryId,
        webhook_id: webhookId,
        message_id: newId(),
        event: 'run.finished',
        payload: '{}',
        status: 'failed',
        next_attempt_at: null,
      })
      .execute();
    return { params: { webhookId, deliveryId } };
  },
  // A demo that made nothing yet.
  demo_remove: async ({ server }) => {
    await sql`INSERT INTO demo_workspace (only_one) VALUES (true)
      ON CONFLICT (only_one) DO UPDATE SET removed_at = NULL`.execute(server.server.services.db);
    return {};
  },
  platform_account_create: () => ({ body: { name: name() } }),
  platform_account_update: async (world) => ({ ...(await place(world)), body: { name: name() } }),
  platform_account_delete: async ({ server }) => ({
    params: { accountId: String(await makeAccount(server)) },
  }),
  platform_project_create: async (world) => ({ ...(await place(world)), body: { name: name() } }),
  platform_project_update: async (world) => ({ ...(await place(world)), body: { name: name() } }),
  platform_project_delete: async ({ server }) => ({
    params: { projectId: String(await makeProject(server, await makeAccount(server))) },
  }),
  platform_site_create: async (world) => ({ ...(await place(world)), body: { name: name() } }),
  platform_site_update: async (world) => ({ ...(await place(world)), body: { name: name() } }),
  platform_site_delete: place,
  platform_data_source_create: (world) => ({ params: world.params, body: dataSourceBody(world) }),
  platform_data_source_update: async (world) => ({
    params: await dataSource(world),
    body: dataSourceBody(world),
  }),
  platform_data_source_delete: async (world) => ({ params: await dataSource(world) }),
  platform_data_source_show: async (world) => ({ params: await dataSource(world) }),
  platform_notification_read: async (world) => ({ ...(await place(world)), body: { 'up-to': 1 } }),
  platform_process_create: async (world) => ({ ...(await place(world)), body: { action: 'import' } }),
  platform_process_cancel: async (world) => ({ params: await waitingProcess(world) }),
  platform_process_show: async (world) => ({ params: await waitingProcess(world) }),
  platform_data_set_restore: async (world) => {
    const { params, site } = await place(world);
    return { params: { ...params, dataSetId: String(await makeDataSet(world.server, site)) } };
  },
  platform_membership_put: async (world) => {
    const { params, account } = await place(world);
    const { id } = await world.server.makeUser();
    return { params: { ...params, userId: id }, body: { level: 'account', target: account, right: 'read' } };
  },
  platform_membership_delete: async (world) => {
    const { params, account } = await place(world);
    const { id } = await world.server.makeUser();
    const query = { level: 'account', target: String(account) };
    await ask(world, 'PUT', `/platform/accounts/${account}/members/${id}`, {
      level: 'account',
      target: account,
      right: 'read',
    });
    return { params: { ...params, userId: id }, query };
  },
  platform_channel_create: () => ({ body: { name: name(), delta: false, ...channelBody } }),
  platform_channel_update: async ({ server }) => ({
    params: { channelId: String(await makeChannel(server)) },
    body: { name: name(), ...channelBody },
  }),
  platform_channel_delete: async ({ server }) => ({
    params: { channelId: String(await makeChannel(server)) },
  }),
  platform_legacy_executable_create: () => ({
    body: { name: name(), kind: 'source', image: 'legacy', command: 'run' },
  }),
  platform_legacy_executable_delete: async (world) => ({
    params: { legacyExecutableId: String(await insertLegacy(world)) },
  }),
};

async function authentication(world: World): Promise<string> {
  return String((await ask(world, 'POST', '/authentications', { name: name(), kind: 'fields', fields })).id);
}

async function withLogo(world: World): Promise<Record<string, string>> {
  const { params } = await made(world);
  const form = new FormData();
  form.set('logo', new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>']), 'logo.svg');
  await ask(world, 'POST', `/connectors/${params.publicId}/versions/1/logo`, form);
  return params;
}
