import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import {
  badRequest,
  built,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, admin, call, show, stateOf, settled, logOf, auditOf } = await startVersionCalls();

describe('platform-dev-site', () => {
  const start = (connector: TestConnector) => call('POST', connector, '/platform-dev-site');

  test('makes project and site once, and is done at once afterwards', async () => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, { name: 'Shop', version: { dev_account: account } });
    const [status, body] = await start(connector);
    expect([status, body.message]).toEqual([202, 'Platform Site will be created in the background.']);
    const first = await settled(body.data.state.uuid);
    expect(first).toMatchObject({
      name: 'create_platform_site',
      status: 'done',
      config: { connectorPublicId: connector.id, majorVersion: 1, account, project: null, site: null },
      data: { account, project: expect.any(Number), site: expect.any(Number) },
    });
    const { db } = server.server.services;
    const { data } = first;
    const project = await db
      .selectFrom('projects')
      .selectAll()
      .where('id', '=', data.project)
      .executeTakeFirst();
    const site = await db.selectFrom('sites').selectAll().where('id', '=', data.site).executeTakeFirst();
    expect(project).toMatchObject({ account_id: account, name: 'Connector development' });
    expect(site).toMatchObject({ project_id: data.project, name: 'Shop dev', id_column: 'id' });
    expect((await show(connector)).platform_dev_reference).toMatchObject(data);
    expect((await show(connector)).state).toBe('created');
    expect(await logOf(first.id)).toEqual([
      `project: The project is ${data.project}.`,
      `site: Created the site ${data.site}.`,
    ]);

    const [, again] = await start(connector);
    expect(again.data.state.uuid).not.toBe(first.id);
    expect(await stateOf(again.data.state.uuid)).toMatchObject({ status: 'done', data });
  });

  test('several at once make one site', async () => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, { version: { dev_account: account } });
    const answers = await Promise.all(Array.from({ length: 4 }, () => start(connector)));
    const named = new Set(answers.map(([, body]) => body.data.state.uuid));
    const states = await Promise.all([...named].map(settled));
    // Either the pending one was named again, or it had settled and the site was there.
    expect(new Set(states.map(({ data }) => data.site)).size).toBe(1);
    const { rows } = await sql<{ sites: number }>`
      SELECT count(*) AS sites FROM sites s JOIN projects p ON p.id = s.project_id
      WHERE p.account_id = ${account}`.execute(server.server.services.db);
    expect(rows[0]?.sites).toBe(1);
  });

  test('a pending one is named again', async () => {
    const connector = await makeConnector(server, user, {
      version: { dev_account: await makeAccount(server) },
    });
    const id = crypto.randomUUID();
    await server.server.services.db
      .insertInto('states')
      .values({
        id,
        name: 'create_platform_site',
        status: 'pending',
        owner_id: user.id,
        connector_id: connector.id,
        version_id: connector.versionId,
        major: 1,
        config: '{}',
      })
      .execute();
    const [status, body] = await start(connector);
    expect([status, body.data.state.uuid]).toEqual([202, id]);
    expect(await auditOf(connector)).toEqual([]);
  });

  test('takes the account from the defaults of the user, then of the organization', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const connector = await makeConnector(server, member);
    const missing = await call('POST', connector, '/platform-dev-site', undefined, member);
    expect(missing).toEqual([400, { message: 'Dev account is missing.', errors: [] }]);
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    await server.server.services.db
      .updateTable('organizations')
      .set({ dev_defaults: JSON.stringify({ account, project }) })
      .where('id', '=', organization)
      .execute();
    const [, body] = await call('POST', connector, '/platform-dev-site', undefined, member);
    const done = await settled(body.data.state.uuid);
    expect(done).toMatchObject({ status: 'done', data: { account, project } });
    expect((await show(connector)).platform_dev_reference).toMatchObject({ account, project });
  });

  test('an account that is gone fails the operation', async () => {
    const connector = await makeConnector(server, user, { version: { dev_account: 2_000_000_000 } });
    const [, body] = await start(connector);
    expect(await settled(body.data.state.uuid)).toMatchObject({
      status: 'failed',
      data: { error: 'Account not found.', step: 'project' },
    });
    expect(await logOf(body.data.state.uuid)).toEqual(['project: Account not found.']);
  });

  test.each(inFlightStates)('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state, dev_account: 1 } });
    expect(await start(connector)).toEqual(transitionRefused(state));
  });
});

describe('platform-dev-reference', () => {
  const put = (connector: TestConnector, body: object, who = admin) =>
    call('PUT', connector, '/platform-dev-reference', body, who);

  test('another site takes the assignment away, the same one keeps it', async () => {
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    const [one, two] = [await makeSite(server, project), await makeSite(server, project)];
    const connector = await makeConnector(server, user, {
      version: { dev_account: account, dev_project: project, dev_site: one, dev_assigned_to_site: 9 },
    });
    const same = await put(connector, { account, project, site: one });
    expect([same[0], same[1].message, same[1].resource]).toEqual([
      200,
      'Dev reference updated.',
      'connector-version',
    ]);
    expect(same[1].data.platform_dev_reference['assigned-to-site']).toBe(9);
    expect(await auditOf(connector)).toEqual([]);
    const other = await put(connector, { account, project, site: two });
    expect(other[1].data.platform_dev_reference).toMatchObject({ site: two, 'assigned-to-site': null });
    const none = await put(connector, { account });
    expect(none[1].data.platform_dev_reference).toMatchObject({ account, project: null, site: null });
    expect(await auditOf(connector)).toEqual([
      'connector_update_dev_reference',
      'connector_update_dev_reference',
    ]);
  });

  test('refuses fields that are wrong, and places that do not fit', async () => {
    const connector = await makeConnector(server, user);
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    const elsewhere = await makeProject(server, await makeAccount(server));
    const site = await makeSite(server, elsewhere);
    expect(await put(connector, {})).toEqual(badRequest({ account: 'This value should not be blank.' }));
    expect(await put(connector, { account: 0, project: 'x', site: -1 })).toEqual(
      badRequest({
        account: 'This value should be greater than 0.',
        project: 'This value does not have valid integer.',
        site: 'This value should be greater than 0.',
      }),
    );
    expect(await put(connector, { account: 2_000_000_000 })).toEqual(
      badRequest({ account: 'Account not found.' }),
    );
    expect(await put(connector, { account, project: elsewhere })).toEqual(
      badRequest({ project: 'Project does not belong to the account.' }),
    );
    expect(await put(connector, { account, project, site })).toEqual(
      badRequest({ site: 'Site does not belong to the project.' }),
    );
    expect(await put(connector, { account, site })).toEqual(
      badRequest({ site: 'Site does not belong to the project.' }),
    );
  });

  test('an integrator uses the account of their own or an organization’s defaults', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const connector = await makeConnector(server, member);
    const { db } = server.server.services;
    const [own, theirs] = [await makeAccount(server), await makeAccount(server)];
    const refusal = badRequest({ account: 'You may not use this account.' });
    expect(await put(connector, { account: own }, member)).toEqual(refusal);
    const defaults = (account: number) => ({ dev_defaults: JSON.stringify({ account, project: null }) });
    await db.updateTable('users').set(defaults(own)).where('id', '=', member.id).execute();
    await db.updateTable('organizations').set(defaults(theirs)).where('id', '=', organization).execute();
    expect((await put(connector, { account: own }, member))[0]).toBe(200);
    expect((await put(connector, { account: theirs }, member))[0]).toBe(200);
    expect(await put(connector, { account: await makeAccount(server) }, member)).toEqual(refusal);
  });

  test.each(inFlightStates)('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state } });
    expect(await put(connector, { account: await makeAccount(server) })).toEqual(transitionRefused(state));
  });
});
