import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await server.makeUser();
});

const put = (id: string, body: unknown, on = server, as = user) =>
  on.request('PUT', `/connectors/${id}/versions/1/vcs-configs`, { token: as.token, body });
const show = async (id: string) =>
  (await server.request('GET', `/connectors/${id}/versions/1/vcs-configs`, { token: user.token })).body.data;

const basic = {
  authorization: 'basic',
  url: 'https://example.com/a.git',
  username: 'me',
  token: 'secret-token',
};

describe('what is refused', () => {
  const url = 'This value is not a valid repository URL.';
  const blank = 'This value should not be blank.';
  test.each<[object, object]>([
    [{}, { authorization: blank, url: blank }],
    [
      { authorization: 'key', url: 'https://a.b/c' },
      { authorization: 'The value you selected is not a valid choice.' },
    ],
    ...[
      'file:///etc',
      '/etc',
      'ext::sh -c id',
      '-uhttps://a.b/c',
      'http://a.b/c',
      'ssh://a.b/c',
      'git@a.b:c',
      'https://u:p@a.b/c',
    ].map((bad): [object, object] => [{ authorization: 'public', url: bad }, { url }]),
    [{ authorization: 'deploy-key', url: 'https://example.com/a.git' }, { url }],
    [{ authorization: 'deploy-key', url: 'git@-oProxyCommand=id:a' }, { url }],
    [
      { authorization: 'public', url: 'https://a.b/c', branch: 'a..b' },
      { branch: 'This value is not valid.' },
    ],
    [{ authorization: 'public', url: 'https://a.b/c', branch: '-f' }, { branch: 'This value is not valid.' }],
    [
      { authorization: 'public', url: 'https://a.b/c', directory: '../up' },
      { directory: 'This value is not a valid path.' },
    ],
    [
      { authorization: 'public', url: 'https://a.b/c', directory: '/abs' },
      { directory: 'This value is not a valid path.' },
    ],
    [
      { authorization: 'basic', url: 'nowhere' },
      { url, username: blank, token: blank },
    ],
    [{ ...basic, extra: 1 }, { extra: 'This field was not expected.' }],
    [
      { ...basic, token: 'x'.repeat(4001) },
      { token: 'This value is too long. It should have 4000 characters or less.' },
    ],
  ])('%j', async (body, errors) => {
    const { id } = await makeConnector(server, user);
    const answer = await put(id, body);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
    expect(await show(id)).toBeNull();
  });
});

test('a token is never shown, stays for the same host and is needed for another', async () => {
  const { id, versionId } = await makeConnector(server, user);
  expect((await put(id, basic)).body).toEqual({ message: 'VCS config successfully updated.' });
  expect(await show(id)).toEqual({
    authorization: 'basic',
    url: 'https://example.com/a.git',
    branch: 'main',
    username: 'me',
    'deploy-key-public': null,
    'latest-commit': null,
    directory: null,
  });
  const { token: _token, ...without } = basic;
  expect((await put(id, { ...without, url: 'https://example.com/b.git' })).status).toBe(200);
  const elsewhere = await put(id, { ...without, url: 'https://evil.example.org/b.git' });
  expect(elsewhere.body.errors).toEqual({ token: 'This value should not be blank.' });

  const { db } = server.server.services;
  const count = async () =>
    Number(
      (
        await db
          .selectFrom('vault_entries')
          .select(({ fn }) => fn.countAll().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
    );
  const before = await count();
  expect((await put(id, { authorization: 'public', url: 'https://example.com/a.git' })).status).toBe(200);
  expect(await count()).toBe(before - 1);
  const row = await db
    .selectFrom('connector_versions')
    .select('vcs_token')
    .where('id', '=', versionId)
    .executeTakeFirstOrThrow();
  expect(row.vcs_token).toBeNull();
  const events = await db
    .selectFrom('audit_events')
    .select('changes')
    .where('connector_id', '=', id)
    .execute();
  expect(JSON.stringify(events)).not.toContain('secret-token');
});

test('a deploy key is made once, kept, and renewed on demand', async () => {
  const { id } = await makeConnector(server, user);
  const body = {
    authorization: 'deploy-key',
    url: 'git@example.com:team/a.git',
    branch: 'release',
    directory: 'sub',
  };
  await put(id, body);
  const first = await show(id);
  expect(first['deploy-key-public']).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/);
  expect(first).toMatchObject({ branch: 'release', directory: 'sub' });
  await put(id, body);
  expect((await show(id))['deploy-key-public']).toBe(first['deploy-key-public']);
  const renewed = await server.request('POST', `/connectors/${id}/versions/1/vcs-configs/deploy-key`, {
    token: user.token,
  });
  expect(renewed.body).toMatchObject({ message: 'Deploy key created.', resource: 'vcs-configs' });
  expect(renewed.body.data['deploy-key-public']).not.toBe(first['deploy-key-public']);
  await put(id, { authorization: 'public', url: 'https://example.com/a.git' });
  const refused = await server.request('POST', `/connectors/${id}/versions/1/vcs-configs/deploy-key`, {
    token: user.token,
  });
  expect(refused.body.errors).toEqual({ authorization: 'The repository is not accessed with a deploy key.' });
});

describe('validation', () => {
  let local: TestServer;
  let owner: TestUser;

  beforeAll(async () => {
    local = await startTestServer({ SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true' });
    owner = await local.makeUser();
  });

  const validate = async (body: unknown) => {
    const { id } = await makeConnector(local, owner);
    if (body) expect((await put(id, body, local, owner)).status).toBe(200);
    return local.request('GET', `/connectors/${id}/versions/1/vcs-configs/validate`, { token: owner.token });
  };

  const makeRepository = (): string => {
    const folder = join(local.server.services.settings.localRepositoriesRoot, 'repository');
    mkdirSync(folder, { recursive: true });
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd: folder });
    git('init', '--quiet', '--initial-branch', 'main');
    writeFileSync(join(folder, 'file'), 'x');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'One');
    return folder;
  };

  test('says what is wrong, or that all is well', async () => {
    const reason = (answer: Awaited<ReturnType<typeof validate>>) => {
      expect(answer.body.message).toBe('VCS config is not valid.');
      return answer.body.errors.vcs;
    };
    expect(reason(await validate(null))).toBe('VCS config is missing.');
    const url = makeRepository();
    const valid = await validate({ authorization: 'public', url });
    expect([valid.status, valid.body]).toEqual([200, { message: 'VCS config is valid.' }]);
    expect(reason(await validate({ authorization: 'public', url, branch: 'other' }))).toBe(
      'Branch other was not found.',
    );
    expect(reason(await validate({ authorization: 'public', url: `${url}-none` }))).toBe(
      'This value is not a valid repository URL.',
    );
  });

  test('never echoes a credential', async () => {
    const answer = await validate({ ...basic, url: 'https://127.0.0.1:1/a.git', token: 'canary-4711' });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('canary-4711');
  });
});
