import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import { addFields, makeProdConnector, makeVersion } from '../../test/support/production.ts';
import { badRequest, startVersionCalls } from '../../test/support/version-calls.ts';

const { server, user, admin, call, show, auditOf } = await startVersionCalls();
const { db } = server.server.services;

const account = await makeAccount(server);
const project = await makeProject(server, account);

const request = async (method: string, path: string, body?: object) => {
  const answer = await server.request(method, path, { token: admin.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
};

const sourceBody = (connector: TestConnector, version: number, values: object = {}, name = 'Shop') => ({
  name,
  kind: 'connector',
  connector: { id: connector.id, version, values },
});

const use = async (
  site: number,
  connector: TestConnector,
  version = 1,
  values: object = {},
  name = 'Shop',
) => {
  const [status, body] = await request(
    'POST',
    `/platform/sites/${site}/data-sources`,
    sourceBody(connector, version, values, name),
  );
  expect(status, JSON.stringify(body)).toBe(201);
  return body.data.id as number;
};

const usedBy = async (connector: TestConnector, index = 0) => {
  const { body } = await server.request('GET', `/connectors/${connector.id}`, { token: admin.token });
  return body.data.versions[index].platform_prod_reference['assigned-to-sites'];
};

describe('assigned-to-sites', () => {
  test('follows the sites: made, changed, removed', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    await makeVersion(server, connector, 2, { released: true });
    const [one, two] = [await makeSite(server, project), await makeSite(server, project)];
    const second = await use(two, connector);
    const first = await use(one, connector);
    await use(one, connector, 1, {}, 'Again');
    expect(await usedBy(connector)).toEqual([one, two]);
    await request('PUT', `/platform/sites/${one}/data-sources/${first}`, sourceBody(connector, 2));
    expect([await usedBy(connector), await usedBy(connector, 1)]).toEqual([[one, two], [one]]);
    const [status] = await request('DELETE', `/platform/sites/${two}/data-sources/${second}`);
    expect(status).toBe(204);
    expect(await usedBy(connector)).toEqual([one]);
  });

  test('does not count the dev site; a former dev site counts', async () => {
    const [dev, other] = [await makeSite(server, project), await makeSite(server, project)];
    const connector = await makeProdConnector(server, user, { version: { dev_site: dev, released: true } });
    await sql`UPDATE connector_versions SET dev_config = prod_config, dev_limits = prod_limits, dev_digest = prod_digest
      WHERE id = ${connector.versionId}`.execute(db);
    await use(dev, connector);
    expect(await usedBy(connector)).toEqual([]);
    await call('PUT', connector, '/platform-dev-reference', { account, project, site: other }, admin);
    expect(await usedBy(connector)).toEqual([dev]);
  });

  test('many at once lose nothing', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    await makeVersion(server, connector, 2, { released: true });
    const sites: number[] = [];
    for (let index = 0; index < 10; index++) sites.push(await makeSite(server, project));
    await Promise.all(sites.map((site, index) => use(site, connector, 1 + (index % 2))));
    const seen = [...(await usedBy(connector)), ...(await usedBy(connector, 1))];
    expect(seen.sort((a, b) => a - b)).toEqual(sites);
  });

  test('a version in use can not go to the bin', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    await use(await makeSite(server, project), connector);
    await call('POST', connector, '/unrelease');
    const [status, body] = await request('PATCH', `/connectors/${connector.id}/move-to-bin`);
    expect([status, body.message]).toEqual([400, 'Connector is actively used on the platform.']);
  });
});

describe('sites', () => {
  test('are listed with what they run, by id', async () => {
    const dev = await makeSite(server, project);
    const [one, two] = [await makeSite(server, project), await makeSite(server, project)];
    const connector = await makeProdConnector(server, user, { version: { dev_site: dev, released: true } });
    await sql`UPDATE connector_versions SET dev_config = prod_config, dev_limits = prod_limits, dev_digest = prod_digest
      WHERE id = ${connector.versionId}`.execute(db);
    const entries = [
      [two, await use(two, connector)],
      [one, await use(one, connector)],
      [one, await use(one, connector, 1, {}, 'Again')],
      [dev, await use(dev, connector)],
    ] as const;
    const [status, body] = await call('GET', connector, '/sites');
    expect([status, body.resource, body.metadata.total]).toEqual([200, 'connector-site', 4]);
    const item = ([id, entry]: readonly [number, number]) => ({
      id,
      name: 'Site',
      'project-id': project,
      'account-id': account,
      environment: id === dev ? 'dev' : 'prod',
      kind: 'data-source',
      entry,
    });
    expect(body.data).toEqual([entries[3], entries[1], entries[2], entries[0]].map(item));
    expect(Object.keys(body.data[0])).toEqual(Object.keys(item(entries[0])));
    const [, page] = await call('GET', connector, '/sites?limit=2');
    const { body: rest } = await server.request('GET', page.metadata.next, { token: user.token });
    expect([...page.data, ...rest.data]).toEqual(body.data);
  });
});

describe('move', () => {
  const move = (connector: TestConnector, body: object, from = 1) =>
    request('POST', `/connectors/${connector.id}/versions/${from}/sites/move`, body);
  const values = async (site: number, source: number) =>
    (await request('GET', `/platform/sites/${site}/data-sources/${source}`))[1].data.connector;

  const movesOf = async (connector: TestConnector) =>
    (await auditOf(connector)).filter((action) => action === 'connector_move_sites').length;

  test('takes the values along, and back again finds those of before', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { released: true },
      fields: [{ option: 'shop', required: true }, { option: 'token', type: 'password' }, { option: 'old' }],
    });
    const second = await makeVersion(server, connector, 2, { released: true });
    await db
      .deleteFrom('individual_configs')
      .where('version_id', '=', second)
      .where('command_option', '=', 'old')
      .execute();
    await addFields(server, second, [{ option: 'region', required: true, default: 'eu' }]);
    const [one, two] = [await makeSite(server, project), await makeSite(server, project)];
    const first = await use(one, connector, 1, { shop: 'a', token: 'geheim', old: 'x' });
    await use(two, connector, 1, { shop: 'b' });
    const [status, body] = await move(connector, { version: 2 });
    expect([status, body]).toEqual([
      200,
      { message: 'Sites have been moved.', data: { moved: [one, two], skipped: [] } },
    ]);
    expect(await values(one, first)).toMatchObject({ version: 2, values: { shop: 'a', token: '***' } });
    expect([await usedBy(connector), await usedBy(connector, 1)]).toEqual([[], [one, two]]);
    const opened = await server.server.services.platform.formValues(
      { db, services: server.server.services } as never,
      one,
      { connectorId: connector.id, major: 2 },
    );
    expect(opened).toEqual({ shop: 'a', token: 'geheim' });

    const form = sourceBody(connector, 2, { shop: 'changed', token: '***', region: 'us' });
    expect((await request('PUT', `/platform/sites/${one}/data-sources/${first}`, form))[0]).toBe(200);
    expect((await move(connector, { version: '1', sites: [one] }, 2))[1].data.moved).toEqual([one]);
    expect((await values(one, first)).values).toEqual({ shop: 'a', token: '***', old: 'x' });
    await move(connector, { version: 'latest', sites: [one] });
    expect((await values(one, first)).values).toEqual({ shop: 'changed', token: '***', region: 'us' });
    expect(await movesOf(connector)).toBe(3);
  });

  test('skips sites that may not use the version, or lack required fields', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    const elsewhere = await makeProject(server, account);
    const [open, closed] = [await makeSite(server, project), await makeSite(server, elsewhere)];
    const second = await makeVersion(server, connector, 2, { enabled_for_projects: [project] });
    await addFields(server, second, [
      { option: 'api-url', required: true },
      { option: 'region', required: true },
      { option: 'fast', type: 'checkbox', required: true },
    ]);
    await use(open, connector);
    await use(closed, connector);
    expect(await move(connector, { version: 2 })).toEqual([
      200,
      {
        message: 'Sites have been moved.',
        data: {
          moved: [],
          skipped: [
            { site: open, reason: 'Required fields are missing: api-url,region' },
            { site: closed, reason: 'Version is not available for this site.' },
          ],
        },
      },
    ]);
    expect(await usedBy(connector)).toEqual([open, closed]);
    expect(await movesOf(connector)).toBe(0);
  });

  test('refuses what is no such version, and sites that do not use it', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    await makeVersion(server, connector, 2);
    const third = await makeVersion(server, connector, 3);
    await db.updateTable('connector_versions').set({ prod_config: null }).where('id', '=', third).execute();
    const notFound = badRequest({ version: 'Connector version not found.' });
    expect(await move(connector, {})).toEqual(badRequest({ version: 'This value should not be blank.' }));
    expect(await move(connector, { version: 'newest' })).toEqual(
      badRequest({ version: 'This value is not valid.' }),
    );
    expect(await move(connector, { version: 9 })).toEqual(notFound);
    expect(await move(connector, { version: 'main' })).toEqual(notFound);
    expect(await move(connector, { version: 1 })).toEqual(notFound);
    expect(await move(connector, { version: 3 })).toEqual(
      badRequest({ version: 'Connector must be synchronized to prod.' }),
    );
    expect(await move(connector, { version: 2, sites: [0] })).toEqual(
      badRequest({ sites: 'All values must be integers greater than 0.' }),
    );
    expect(await move(connector, { version: 2, sites: [12, 13, 12] })).toEqual(
      badRequest({ sites: "Sites don't use this version: 12,13" }),
    );
    expect((await move(connector, { version: 2 }))[1].data).toEqual({ moved: [], skipped: [] });
  });
});

describe('platform_site_connector_list', () => {
  test('offers what is released, granted or on its dev site, each as it is deployed', async () => {
    const site = await makeSite(server, await makeProject(server, await makeAccount(server)));
    const offered = async (query = '') =>
      (await request('GET', `/platform/sites/${site}/connectors?limit=1000${query}`))[1].data as {
        id: string;
        version: number;
      }[];
    const of = async (connector: TestConnector, query?: string) =>
      (await offered(query)).filter(({ id }) => id === connector.id);
    const connector = await makeProdConnector(server, user, {
      name: 'Offered here',
      fields: [{ option: 'shop', required: true }],
      version: { enabled_for_sites: [site] },
    });
    await makeVersion(server, connector, 2, { released: true });
    await makeVersion(server, connector, 3);
    const fourth = await makeVersion(server, connector, 4, { dev_site: site });
    expect((await of(connector)).map(({ version }) => version)).toEqual([1, 2]);
    await sql`UPDATE connector_versions SET dev_config = prod_config, dev_limits = prod_limits WHERE id = ${fourth}`.execute(
      db,
    );
    const found = await of(connector);
    expect(found.map(({ version }) => version)).toEqual([1, 2, 4]);
    expect(found[0]).toEqual({
      id: connector.id,
      type: 'datasource',
      name: (await show(connector)).name,
      version: 1,
      logo: null,
      description: null,
      readme: null,
      categories: ['miscellaneous'],
      environment: 'prod',
      fields: (await show(connector)).config.individuals,
      authentications: [],
    });
    expect(found[2]).toMatchObject({ environment: 'dev' });
    expect(await of(connector, '&type=datasource&category=miscellaneous&name=offered')).toHaveLength(3);
    expect(await of(connector, '&type=export')).toEqual([]);
    expect(await of(connector, '&category=orders')).toEqual([]);
    expect(await of(connector, '&name=elsewhere')).toEqual([]);
    expect(await request('GET', `/platform/sites/${site}/connectors?type=x&category=y`)).toEqual(
      badRequest({
        type: 'The value you selected is not a valid choice.',
        category: 'The value you selected is not a valid choice.',
      }),
    );
  });
});
