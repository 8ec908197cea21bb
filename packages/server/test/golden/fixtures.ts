import { randomUUID } from 'node:crypto';
import { newId } from '../../src/ids.ts';
import { configured, makeConnector } from '../support/connectors.ts';
import { makeAccount, makeChannel, makeProject, makeSite } from '../support/platform.ts';
import { makeRepository } from '../support/repository.ts';
import type { TestServer, TestUser } from '../support/server.ts';
import type { GoldenCase } from './cases.ts';

/** The users of a case; `member` owns what the fixture makes, `viewer` belongs to the owner. */
export interface Callers {
  member: TestUser;
  viewer: TestUser;
  foreign: TestUser;
  admin: TestUser;
  'no-scope': TestUser;
}

/** What a fixture puts into the path and the body of the request. */
export interface Prepared {
  params: Record<string, string>;
  request?: Record<string, unknown>;
}

type Fixture = (test: TestServer, callers: Callers, golden: GoldenCase) => Promise<Prepared>;

/** A connector of the caller; an id that does not exist where the note says so. */
const connectorOf =
  (options: Parameters<typeof makeConnector>[2] = {}): Fixture =>
  async (test, { member }, golden) => {
    if (golden.status === 404) return { params: addressOf(randomUUID()) };
    const { id } = await makeConnector(test, member, options);
    return { params: addressOf(id) };
  };

/** As the documented examples of connector_create make it. */
const omdb = {
  name: 'omdb',
  details: { 'connector-description': 'clever description', readme: 'readme content' },
};

const addressOf = (id: string): Record<string, string> => ({
  publicId: id,
  movedToBinPublicId: id,
  connectorVersion: '1',
});

const inState = (state: string, more: object = {}): Fixture =>
  connectorOf({ version: { ...configured, state, ...more } });

/** Synchronized to prod, as columns. */
const inProd = {
  ...configured,
  state: 'synchronized-to-prod',
  prod_platform_connector: 7,
  prod_version: '1.0.0',
  prod_config: '{}',
};

const bothSecrets: Fixture = async (test, callers, golden) => {
  await putSecret(
    test,
    callers.member,
    'amazon/seller',
    ['ini_header', 'seller', 'marketplace'],
    'amazon::seller',
  );
  await putSecret(
    test,
    callers.member,
    'google/io/shopping',
    ['id', 'ini_header', 'secret'],
    'google-io::shopping',
  );
  return connectorOf()(test, callers, golden);
};

async function putSecret(test: TestServer, user: TestUser, path: string, fields: string[], header: string) {
  const values = Object.fromEntries(
    fields.map((name) => [name, name === 'ini_header' ? header : `value of ${name}`]),
  );
  await test.server.services.db.deleteFrom('version_secrets').execute();
  await test.server.services.db.deleteFrom('secrets').where('path', '=', path).execute();
  const answer = await test.request('PUT', `/secrets/${path}`, {
    token: user.token,
    body: { fields: values },
  });
  if (answer.status !== 201) throw new Error(answer.text);
}

/** Providers 20 and 30, as the notes describe them. */
async function putAuthentications(test: TestServer): Promise<void> {
  const field = (name: string) => ({ name, label: name, secret: true });
  const rows = [
    { id: 20, fields: ['etsy_refresh_token'] },
    { id: 30, fields: ['ssl_cert', 'ssl_cert_password', 'ssl_cert_type'] },
  ];
  for (const { id, fields } of rows) {
    await test.server.services.db
      .insertInto('authentications')
      .values({ id, name: `Provider ${id}`, kind: 'fields', fields: JSON.stringify(fields.map(field)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** One state of the member's connector, pending, with the configuration of the example. */
async function putState(
  test: TestServer,
  user: TestUser,
  connector: { id: string; versionId: string },
): Promise<string> {
  const id = newId();
  await test.server.services.db
    .insertInto('states')
    .values({
      id,
      name: 'update_to_docker_wrapper_version',
      status: 'done',
      owner_id: user.id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      config: JSON.stringify({ connectorPublicId: connector.id, majorVersion: 1 }),
      data: JSON.stringify({ environment: 'prod', version: '1.0.0' }),
    })
    .execute();
  return id;
}

async function putRun(test: TestServer, connector: { id: string; versionId: string }): Promise<string> {
  const id = newId();
  const now = new Date();
  await test.server.services.db
    .insertInto('runs')
    .values({
      id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 2,
      connector_version: '2.0.0',
      state: 'finished',
      environment: 'dev',
      stage: 'import',
      process_id: newId(),
      site_id: 1001,
      site_name: 'Site 1',
      project_id: 300,
      project_name: 'Project 1',
      account_id: 600,
      account_name: 'Account 1',
      exit_code: 0,
      cli_command: 'php app.php connector:run',
      started_at: now,
      finished_at: now,
    })
    .execute();
  return id;
}

const organization =
  (members: (callers: Callers) => TestUser[] = () => []): Fixture =>
  async (test, callers, golden) => {
    const memberId = callers.viewer.id;
    if (golden.status === 404) return { params: { organizationId: randomUUID(), memberId } };
    const id = await test.makeOrganization();
    for (const user of members(callers)) {
      await test.server.services.db
        .insertInto('organization_members')
        .values({ organization_id: id, user_id: user.id })
        .execute();
    }
    return { params: { organizationId: id, memberId } };
  };

/** A connector with the metadata of the example; without any where the answer says so. */
const withMetadata: Fixture = async (test, { admin }, golden) => {
  const { id } = await makeConnector(test, admin, { type: 'data-service' });
  if (golden.status !== 404) {
    const added = await test.request('POST', `/metadata/connectors/${id}`, {
      token: admin.token,
      body: {
        'channel-owner': 'Third Party',
        confidence: 'Semi Confident',
        'help-center': 'http://help.center',
        'internal-documentation': 'http://docs.internal',
        notes: 'some notes',
      },
    });
    if (added.status !== 201) throw new Error(added.text);
  }
  return { params: { connectorUuid: id } };
};

/** What each operation's examples need before the request. */
export const fixtures: Record<string, Fixture> = {
  connector_list: async (test, { member }) => {
    await makeConnector(test, member, { type: 'export' });
    return { params: {} };
  },
  connector_create: async () => ({ params: {} }),
  connector_import: async (test, callers, golden) => {
    await putAuthentications(test);
    if (golden.status === 201) await bothSecrets(test, callers, golden);
    return { params: {} };
  },
  connector_list_from_bin: async (test, { member }) => {
    for (const name of ['first', 'second']) {
      const { id } = await makeConnector(test, member, { type: 'datasource', name });
      await test.request('PATCH', `/connectors/${id}/move-to-bin`, { token: member.token });
    }
    return { params: {} };
  },
  connector_show: async (test, callers, golden) => {
    if (golden.status !== 200) return connectorOf()(test, callers, golden);
    const { id } = await makeConnector(test, callers.member, { type: 'data-service', ...omdb });
    return { params: addressOf(id) };
  },
  connector_move_to_bin: (test, callers, golden) =>
    golden.status === 400
      ? inState('synchronized-to-prod', { released: true })(test, callers, golden)
      : connectorOf({ type: 'transform', ...omdb })(test, callers, golden),
  connector_restore_from_bin: async (test, callers, golden) => {
    const prepared = await connectorOf({ type: 'transform', ...omdb })(test, callers, golden);
    if (golden.status !== 404) {
      await test.request('PATCH', `/connectors/${prepared.params.publicId}/move-to-bin`, {
        token: callers.member.token,
      });
    }
    return prepared;
  },
  connector_state_list: async (test, callers, golden) => {
    if (golden.status !== 200) return connectorOf()(test, callers, golden);
    const connector = await makeConnector(test, callers.member);
    await putState(test, callers.member, connector);
    return { params: addressOf(connector.id) };
  },
  connector_sync_runtime: (test, callers, golden) =>
    inState(golden.status === 400 ? 'resynchronizing-to-prod' : 'built', {
      image_digest: `sha256:${'0'.repeat(64)}`,
    })(test, callers, golden),
  connector_update_runtime_prod: connectorOf(),
  connector_individual_config_add: connectorOf(),
  connector_transfer_ownership: async (test, callers, golden) => {
    const organization = await test.makeOrganization();
    await test.server.services.db
      .insertInto('organization_members')
      .values({ organization_id: organization, user_id: callers.member.id })
      .execute();
    const { id, versionId } = await makeConnector(test, callers.member);
    if (golden.status === 400) {
      const other = await makeConnector(test, callers.member);
      await linkBucket(test, callers.member, [versionId, other.versionId]);
    }
    return {
      params: addressOf(id),
      request: { new_owner: organization, account: await makeAccount(test) },
    };
  },
  connector_version_upload_logo: (test, callers, golden) =>
    golden.status === 200
      ? connectorOf({
          ...omdb,
          type: 'transform',
          version: {
            ...configured,
            update_progress: ['application-config', 'vcs-config'],
            command: 'php',
            arguments: 'app.php import',
            health_check: '--help',
            vcs_url: 'https://github.com/some-repo.git',
          },
        })(test, callers, golden)
      : connectorOf()(test, callers, golden),
  connector_version_execution_config_update_container_api: connectorOf({ ...omdb, type: 'transform' }),
  connector_bucket_create_link: async (test, callers, golden) => {
    const { id: connector } = await makeConnector(test, callers.member);
    const bucket = golden.status === 404 ? randomUUID() : await linkBucket(test, callers.member, []);
    return {
      params: addressOf(connector),
      ...(golden.request ? { request: { ...golden.request, 'bucket-id': bucket } } : {}),
    };
  },
  add_metadata_to_connector: async (test, { admin }) => {
    const { id } = await makeConnector(test, admin, { type: 'data-service' });
    return { params: { connectorUuid: id } };
  },
  update_metadata_for_connector: withMetadata,
  show_metadata_for_connector: withMetadata,
  handover: async (test) => ({
    params: {},
    request: { from: (await test.makeUser()).id, to: (await test.makeUser()).id },
  }),
  connector_validate_vcs_config: async (test, callers, golden) => {
    if (golden.status !== 200) return connectorOf()(test, callers, golden);
    return connectorOf({ version: { ...configured, vcs_url: makeRepository(test).url } })(
      test,
      callers,
      golden,
    );
  },
  connector_update_secret_registrations: bothSecrets,
  connector_update_authentication_registrations: async (test, callers, golden) => {
    await putAuthentications(test);
    return connectorOf()(test, callers, golden);
  },
  connector_version_show_authentication: async (test, callers, golden) => {
    await putAuthentications(test);
    const prepared = await connectorOf()(test, callers, golden);
    if (golden.status !== 404) {
      await test.request(
        'PUT',
        `/connectors/${prepared.params.publicId}/versions/1/authentication-registrations`,
        {
          token: callers.member.token,
          body: {
            'authentication-registrations': [20, 30],
            'authentication-registrations-additional-fields': ['option-1', 'option-2', 'option-3'],
          },
        },
      );
    }
    return prepared;
  },
  connector_build_trigger: async (test, { member }, golden) => {
    if (golden.status === 400) return { params: {} };
    if (golden.status === 404) return { params: {}, request: { connector: randomUUID() } };
    const { id } = await makeConnector(test, member, { version: configured });
    return { params: {}, request: { connector: id } };
  },
  connector_create_platform_site: async (test, callers, golden) => {
    if (golden.status !== 202) return connectorOf()(test, callers, golden);
    const account = await makeAccount(test);
    return connectorOf({ version: { dev_account: account } })(test, callers, golden);
  },
  connector_assign_to_dev_site: async (test, callers, golden) => {
    if (golden.status !== 200) return connectorOf()(test, callers, golden);
    const account = await makeAccount(test);
    const project = await makeProject(test, account);
    const site = await makeSite(test, project);
    return connectorOf({
      type: 'transform',
      version: {
        ...configured,
        state: 'synchronized-to-dev',
        dev_account: account,
        dev_project: project,
        dev_site: site,
        dev_platform_connector: 4,
        dev_config: '{}',
      },
    })(test, callers, golden);
  },
  connector_platform_assign_channel: async (test, callers, golden) => {
    const prepared = await connectorOf({ type: 'export' })(test, callers, golden);
    if (golden.status === 404) return prepared;
    const delta = golden.status === 400;
    const channels = [await makeChannel(test, { delta }), await makeChannel(test, { delta })];
    return { ...prepared, request: { channels } };
  },
  connector_rollback_migration: async (test, callers, golden) => {
    if (golden.status !== 200) return connectorOf()(test, callers, golden);
    await putAuthentications(test);
    const { id, versionId } = await makeConnector(test, callers.member, {
      type: 'datasource',
      name: 'omdb',
      details: { ...omdb.details, flow: 'migration' },
    });
    const path = `/connectors/${id}/versions/1/authentication-registrations`;
    await test.request('PUT', path, {
      token: callers.member.token,
      body: { 'authentication-registrations': [30] },
    });
    const { db } = test.server.services;
    await db
      .insertInto('legacy_executables')
      .values({ id: 24, name: 'Legacy', kind: 'source', image: 'legacy', command: 'run' })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await db
      .updateTable('connector_versions')
      .set({ ...inProd, legacy_executable: 24, prod_executable: 24 })
      .where('id', '=', versionId)
      .execute();
    return { params: addressOf(id) };
  },
  connector_targets_add: connectorOf({ type: 'transform', ...omdb }),
  connector_targets_update: connectorOf({ type: 'transform', ...omdb }),
  connector_enable_prod_access: connectorOf({
    type: 'transform',
    ...omdb,
    version: {
      ...inProd,
      target_accounts: [789, 987],
      target_projects: [321, 654],
      target_sites: [123, 456],
    },
  }),
  connector_disable_prod_access: connectorOf({
    type: 'transform',
    ...omdb,
    version: {
      ...inProd,
      target_accounts: [777],
      target_projects: [444],
      target_sites: [666],
      enabled_for_accounts: [777],
      enabled_for_projects: [444],
      enabled_for_sites: [666],
    },
  }),
  connector_unrelease: (test, callers, golden) =>
    connectorOf({ version: { ...inProd, released: golden.status === 204 } })(test, callers, golden),
  state_list: async (test, { member }) => {
    await putState(test, member, await makeConnector(test, member));
    return { params: {} };
  },
  state_show: async (test, { member }, golden) => {
    if (golden.status === 404) return { params: { stateId: randomUUID() } };
    return { params: { stateId: await putState(test, member, await makeConnector(test, member)) } };
  },
  connector_version_show_latest_state: async (test, callers, golden) => {
    const connector = await makeConnector(test, callers.member);
    const params = { ...addressOf(connector.id), backgroundAction: 'build' };
    if (golden.status === 400) params.backgroundAction = 'no_such_action';
    if (golden.status === 200) {
      params.backgroundAction = 'update_to_docker_wrapper_version';
      await test.server.services.db
        .updateTable('states')
        .set({ status: 'pending' })
        .where('id', '=', await putState(test, callers.member, connector))
        .execute();
    }
    return { params };
  },
  run_list: async (test, { member }) => {
    await putRun(test, await makeConnector(test, member));
    return { params: {} };
  },
  run_show: async (test, { member }, golden) => {
    if (golden.status === 404) return { params: { runId: randomUUID() } };
    return { params: { runId: await putRun(test, await makeConnector(test, member)) } };
  },
  organization_create: async () => ({ params: {} }),
  organization_show: async (test, callers, golden) => {
    const prepared = await organization(({ member }) => [member])(test, callers, golden);
    await test.server.services.db
      .updateTable('organizations')
      .set({
        notification_config: JSON.stringify({ destination: '#release', triggers: ['extensive-release'] }),
      })
      .where('id', '=', prepared.params.organizationId as string)
      .execute();
    return prepared;
  },
  add_member_to_organization: organization(),
  remove_member_from_organization: organization(({ viewer }) => [viewer]),
  update_organization_default_targets: organization(),
  update_integrator_defaults: async (_test, { foreign }) => ({ params: { integratorId: foreign.id } }),
};

/** A bucket of the user that the versions are linked to. */
async function linkBucket(test: TestServer, user: TestUser, versionIds: string[]): Promise<string> {
  const { db } = test.server.services;
  const id = newId();
  await db
    .insertInto('buckets')
    .values({ id, name: `Bucket ${id}`, owner_id: user.id })
    .execute();
  for (const versionId of versionIds) {
    await db
      .insertInto('version_buckets')
      .values({ version_id: versionId, environment: 'dev', bucket_id: id })
      .execute();
  }
  return id;
}
