import { newId } from '../../src/ids.ts';
import { configured, makeConnector } from './connectors.ts';
import { makeAccount, makeChannel, makeProject, makeSite } from './platform.ts';
import type { TestServer, TestUser } from './server.ts';

/**
 * One entity of every kind that a path can address.
 *
 * @param of who owns them, and somebody else of the organization that owns the channel
 * @returns a value for every path parameter; those of entities that the caller makes by itself address nothing
 */
export async function entityParams(
  test: TestServer,
  of: { owner: TestUser; organization: string; member: TestUser },
): Promise<Record<string, string>> {
  const { db } = test.server.services;
  const { token } = of.owner;
  const connector = await makeConnector(test, of.owner, { version: configured });
  const state = await test.request('POST', '/builds/connectors', {
    token,
    body: { connector: connector.id },
  });
  const account = await makeAccount(test);
  const project = await makeProject(test, account);
  const site = await makeSite(test, project);
  const run = await db
    .insertInto('runs')
    .values({
      id: newId(),
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      connector_version: '1.0.0',
      state: 'finished',
      environment: 'dev',
      stage: 'import',
      process_id: newId(),
      site_id: site,
      site_name: 'S',
      project_id: project,
      project_name: 'P',
      account_id: account,
      account_name: 'A',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('authentications')
    .values({ id: 1, name: 'Provider', kind: 'fields', fields: '[]' })
    .execute();
  await test.request('PUT', '/secrets/owned/secret', { token, body: { fields: { key: 'value' } } });
  const bucket = await test.request('POST', '/buckets', { token, body: { name: 'Files' } });
  const webhook = await test.request('POST', '/webhooks', {
    token,
    body: { name: 'Hook', url: 'https://example.com/hook', events: ['*'] },
  });
  return {
    webhookId: webhook.body.data.id,
    deliveryId: newId(),
    publicId: connector.id,
    movedToBinPublicId: connector.id,
    connectorVersion: '1',
    commandOption: 'none',
    backgroundAction: 'build',
    stateId: state.body.data.state.uuid,
    buildId: state.body.data.state.uuid,
    runId: run.id,
    organizationId: of.organization,
    connectorUuid: connector.id,
    otherVersion: 'latest',
    bucketId: bucket.body.data.id,
    environment: 'dev',
    major: '1',
    memberId: of.member.id,
    integratorId: of.member.id,
    // Nobody of those who call: everybody may change their own name.
    userId: (await test.makeUser()).id,
    tokenId: newId(),
    token: 'none',
    signInId: newId(),
    clientId: 'none',
    path: 'owned/secret',
    store: 'exchange',
    authenticationId: '1',
    accountId: String(account),
    projectId: String(project),
    siteId: String(site),
    dataSourceId: '1',
    dataSetId: String(await makeDataSet(test, site)),
    channelId: String(await makeChannel(test, { owner: of.organization })),
    legacyExecutableId: '1',
    processId: newId(),
  };
}

/** A data set without rows, the only one of the site. */
export async function makeDataSet({ server }: TestServer, site: number): Promise<number> {
  const { id } = await server.services.db
    .insertInto('data_sets')
    .values({
      site_id: site,
      process_id: newId(),
      rows_import: 0,
      rows_intermediate: 0,
      columns: '[]',
      path: 'none',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
