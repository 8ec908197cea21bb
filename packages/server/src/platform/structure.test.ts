import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { deploy, grant, makeAccountWithSite } from '../../test/support/deployed.ts';
import { makeProdConnector } from '../../test/support/production.ts';
import { startTestServer } from '../../test/support/server.ts';
import { newId } from '../ids.ts';

const server = await startTestServer();
const { db, storage } = server.server.services;
const admin = await server.makeUser({ role: 'admin' });

const call = async (method: string, path: string, body?: object, who = admin) => {
  const answer = await server.request(method, path, { token: who.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
};
const badRequest = (errors: object) => [400, { message: 'Bad request.', errors }];
const refusal = (message: string) => [400, { message, errors: [] }];
const denied = [403, { message: 'Access denied for user.' }];

describe('accounts and projects', () => {
  test.each([
    ['account', 'Account', 'Account still has projects.'],
    ['project', 'Project', 'Project still has sites.'],
  ] as const)('an %s is renamed, and deleted when it is empty', async (level, thing, inUse) => {
    const place = await makeAccountWithSite(server);
    const path = `/platform/${level}s/${place[level]}`;
    const [status, body] = await call('PATCH', path, { name: ' New name ' });
    expect([status, body.message, body.resource, body.data.name]).toEqual([
      200,
      `${thing} updated.`,
      level,
      'New name',
    ]);
    expect((await call('PATCH', path, {}))[1].data.name).toBe('New name');
    expect(await call('PATCH', path, { name: '' })).toEqual(
      badRequest({ name: 'This value should not be blank.' }),
    );
    expect(await call('DELETE', path)).toEqual(refusal(inUse));
    await db.deleteFrom('sites').where('id', '=', place.site).execute();
    if (level === 'account') await db.deleteFrom('projects').where('id', '=', place.project).execute();
    await grant(server, await server.makeUser(), level, place[level], 'write');
    expect(await call('DELETE', path)).toEqual([204, undefined]);
    const left = db.selectFrom('memberships').select('id').where('level', '=', level);
    expect(await left.where('target', '=', place[level]).execute()).toEqual([]);
    for (const method of ['PATCH', 'DELETE']) {
      expect(await call(method, path)).toEqual([404, { message: `${thing} not found.` }]);
    }
  });

  test('accounts are the admins’, projects those of account admins', async () => {
    const { account, project } = await makeAccountWithSite(server);
    const [boss, writer, stranger] = [
      await server.makeUser(),
      await server.makeUser(),
      await server.makeUser(),
    ];
    await grant(server, boss, 'account', account, 'admin');
    await grant(server, writer, 'account', account, 'write');
    expect(await call('PATCH', `/platform/accounts/${account}`, { name: 'x' }, boss)).toEqual(denied);
    expect(await call('DELETE', `/platform/accounts/${account}`, undefined, boss)).toEqual(denied);
    const path = `/platform/projects/${project}`;
    expect((await call('PATCH', path, { name: 'x' }, boss))[0]).toBe(200);
    expect(await call('PATCH', path, { name: 'x' }, writer)).toEqual(denied);
    expect(await call('DELETE', path, undefined, writer)).toEqual(denied);
    expect(await call('DELETE', path, undefined, stranger)).toEqual([404, { message: 'Project not found.' }]);
  });
});

describe('sites', () => {
  test('are deleted with their data, and no longer use a version', async () => {
    const owner = await server.makeUser();
    const connector = await makeProdConnector(server, owner, {
      version: { released: true },
      fields: [{ option: 'token', type: 'password' }],
    });
    const { site } = await makeAccountWithSite(server);
    const path = `/platform/sites/${site}`;
    const [, made] = await call('POST', `${path}/data-sources`, {
      name: 'Shop',
      kind: 'connector',
      connector: { id: connector.id, version: 1, values: { token: 'geheim' } },
    });
    const source = made.data.id;
    const { sealed } = await db
      .selectFrom('form_values')
      .select('sealed')
      .where('data_source_id', '=', source)
      .executeTakeFirstOrThrow();
    await storage.folder('data-sets', String(site));
    await storage.folder('exchange', String(source));
    await grant(server, owner, 'site', site, 'write');
    expect(await call('DELETE', path, undefined, owner)).toEqual(denied);
    const process = { id: newId(), site_id: site, action: 'import', trigger: 'manual', steps: '[]' };
    await db
      .insertInto('processes')
      .values({ ...process, status: 'queued' })
      .execute();
    expect(await call('DELETE', path)).toEqual(refusal('Site is being processed.'));
    await db.updateTable('processes').set({ status: 'success' }).where('id', '=', process.id).execute();

    expect(await call('DELETE', path)).toEqual([204, undefined]);
    expect(await call('GET', path)).toEqual([404, { message: 'Site not found.' }]);
    const version = await db
      .selectFrom('connector_versions')
      .select('assigned_to_sites')
      .where('id', '=', connector.versionId)
      .executeTakeFirstOrThrow();
    expect(version.assigned_to_sites).toEqual([]);
    expect(await db.selectFrom('vault_entries').select('id').where('id', '=', sealed).execute()).toEqual([]);
    expect(
      await db
        .selectFrom('memberships')
        .select('id')
        .where('level', '=', 'site')
        .where('target', '=', site)
        .execute(),
    ).toEqual([]);
    expect(await readdir(await storage.folder('data-sets'))).not.toContain(String(site));
    expect(await readdir(await storage.folder('exchange'))).not.toContain(String(source));
  });

  test('a dev site stays', async () => {
    const { site } = await deploy(server, await server.makeUser(), `sha256:${'0'.repeat(64)}`);
    expect(await call('DELETE', `/platform/sites/${site}`)).toEqual(
      refusal('Site is the dev site of a connector.'),
    );
  });
});

describe('memberships', () => {
  test('are given on the account and all below it, one for each user and target', async () => {
    const { account, project, site } = await makeAccountWithSite(server);
    const boss = await server.makeUser();
    await grant(server, boss, 'account', account, 'admin');
    const user = await server.makeUser({ role: 'viewer' });
    const path = `/platform/accounts/${account}/members`;
    const put = (body: object, who = boss) => call('PUT', `${path}/${user.id}`, body, who);
    const [status, body] = await put({ level: 'project', target: project, right: 'read' });
    expect([status, body.message, body.resource]).toEqual([200, 'Membership saved.', 'membership']);
    expect(body.data).toEqual({
      id: expect.any(String),
      user: user.id,
      level: 'project',
      target: project,
      right: 'read',
      'created-at': expect.any(String),
      'updated-at': expect.any(String),
    });
    const [, again] = await put({ level: 'project', target: project, right: 'write' });
    expect(again.data).toMatchObject({ id: body.data.id, right: 'write' });
    await put({ level: 'site', target: site, right: 'read' });
    const other = await makeAccountWithSite(server);
    await grant(server, user, 'account', other.account, 'read');

    const [, list] = await call('GET', path, undefined, boss);
    expect([list.resource, list.metadata.total]).toEqual(['membership', 3]);
    expect(list.data.map((item: { id: string }) => item.id)).toEqual(
      list.data.map((item: { id: string }) => item.id).sort(),
    );
    const remove = (query = '') => call('DELETE', `${path}/${user.id}${query}`, undefined, boss);
    expect(await remove(`?level=site&target=${site}`)).toEqual([204, undefined]);
    expect(await remove(`?level=site&target=${site}`)).toEqual([404, { message: 'Membership not found.' }]);
    expect(await remove()).toEqual([204, undefined]);
    expect(await remove()).toEqual([404, { message: 'Membership not found.' }]);
    const left = await db.selectFrom('memberships').select('target').where('user_id', '=', user.id).execute();
    expect(left).toEqual([{ target: other.account }]);
  });

  test('refuse what is wrong', async () => {
    const { account, project, site } = await makeAccountWithSite(server);
    const other = await makeAccountWithSite(server);
    const boss = await server.makeUser();
    await grant(server, boss, 'account', account, 'admin');
    const user = await server.makeUser();
    const path = `/platform/accounts/${account}/members`;
    const put = (body: object, id = user.id, who = boss) => call('PUT', `${path}/${id}`, body, who);
    expect(await put({ right: 'x', more: 1 })).toEqual(
      badRequest({
        level: 'This value should not be blank.',
        target: 'This value should not be blank.',
        right: 'The value you selected is not a valid choice.',
        more: 'This field was not expected.',
      }),
    );
    const choice = badRequest({ right: 'The value you selected is not a valid choice.' });
    expect(await put({ level: 'project', target: project, right: 'admin' })).toEqual(choice);
    expect(await put({ level: 'site', target: site, right: 'admin' })).toEqual(choice);
    const stranger = badRequest({ target: 'This value is not part of the account.' });
    expect(await put({ level: 'account', target: other.account, right: 'read' })).toEqual(stranger);
    expect(await put({ level: 'project', target: other.project, right: 'read' })).toEqual(stranger);
    expect(await put({ level: 'site', target: other.site, right: 'read' })).toEqual(stranger);
    const own = { level: 'account', target: account, right: 'read' };
    expect(await put({ wrong: 1 }, newId())).toEqual([404, { message: 'User not found.' }]);
    expect(await put(own, boss.id)).toEqual(denied);
    expect((await put({ ...own, right: 'admin' }, admin.id, admin))[0]).toBe(200);
    expect(await put(own, user.id, user)).toEqual([404, { message: 'Account not found.' }]);
    await grant(server, user, 'account', account, 'write');
    expect(await put(own, user.id, user)).toEqual(denied);
    expect(await call('GET', path, undefined, user)).toEqual(denied);
  });
});
