import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await server.makeUser();
});

const create = (body: unknown, token = user.token) => server.request('POST', '/connectors', { token, body });
const minimal = { 'connector-type': 'datasource', 'connector-name': 'A connector' };

describe('fields', () => {
  const long = 'x'.repeat(65_537);
  test.each([
    [{ 'connector-type': '' }, { 'connector-type': 'This value should not be blank.' }],
    [{ 'connector-type': null }, { 'connector-type': 'This value should not be blank.' }],
    [{ 'connector-type': 'source' }, { 'connector-type': 'The value you selected is not a valid choice.' }],
    [{ 'connector-type': 7 }, { 'connector-type': 'This value does not have valid string.' }],
    [{ 'connector-name': '   ' }, { 'connector-name': 'This value should not be blank.' }],
    [{ 'connector-name': ['a'] }, { 'connector-name': 'This value does not have valid string.' }],
    [
      { 'connector-name': 'x'.repeat(256) },
      { 'connector-name': 'This value is too long. It should have 255 characters or less.' },
    ],
    [{ 'connector-name': 'a\u0000b' }, { 'connector-name': 'This value is not valid.' }],
    [
      { 'connector-description': 'x'.repeat(2001) },
      { 'connector-description': 'This value is too long. It should have 2000 characters or less.' },
    ],
    [{ 'connector-description': 1 }, { 'connector-description': 'This value does not have valid string.' }],
    [{ readme: long }, { readme: 'This value is too long. It should have 65536 characters or less.' }],
    [{ flow: 'fast' }, { flow: 'The value you selected is not a valid choice.' }],
    [{ 'execution-mode': 'as-file' }, { 'execution-mode': 'The value you selected is not a valid choice.' }],
    [{ owner: 'me' }, { owner: 'This is not a valid UUID.' }],
    [{ owner: null }, { owner: 'This is not a valid UUID.' }],
    [
      { owner: '00000000-0000-4000-8000-000000000000' },
      { owner: 'You are not a member of this organization.' },
    ],
    [{ colour: 'red' }, { colour: 'This field was not expected.' }],
  ])('%j is refused', async (change, errors) => {
    const answer = await create({ ...minimal, ...change });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });

  test('all faulty fields stand in one answer, in the order of the fields', async () => {
    const answer = await create({ extra: 1, flow: 'fast', 'connector-name': '', 'connector-type': 'x' });
    expect(answer.text).toBe(
      '{"message":"Bad request.","errors":{"connector-type":"The value you selected is not a valid choice.",' +
        '"connector-name":"This value should not be blank.","flow":"The value you selected is not a valid choice.",' +
        '"extra":"This field was not expected."}}',
    );
  });

  test('texts are trimmed, the readme is not; empty ones are stored as null', async () => {
    const answer = await create({
      ...minimal,
      'connector-name': '  Trimmed\t',
      'connector-description': '  ',
      readme: '  kept  ',
    });
    expect(answer.body.data).toMatchObject({ name: 'Trimmed', description: null, readme: '  kept  ' });
  });
});

describe('the body', () => {
  test.each(['', '{', '[]', '"text"', 'null', '{"a":1,}'])('%j is no object', async (body) => {
    const answer = await server.request('POST', '/connectors', {
      token: user.token,
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(400);
    expect(answer.body.message).toBe(body === '' ? 'Bad request.' : 'Malformed JSON in the request body.');
    if (body !== '') expect(answer.body.errors).toEqual([]);
  });

  test('another content type is 415', async () => {
    const answer = await server.request('POST', '/connectors', {
      token: user.token,
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify(minimal),
    });
    expect(answer.status).toBe(415);
    expect(answer.body).toEqual({ message: 'Content type is not supported.', errors: [] });
  });

  test('a body over the limit is 413', async () => {
    const answer = await create({ ...minimal, readme: 'x'.repeat(65 * 1024 * 1024) });
    expect(answer.status).toBe(413);
    expect(answer.body).toEqual({ message: 'Request body is too large.', errors: [] });
  });

  test('without a token nothing of it is looked at', async () => {
    const answer = await server.request('POST', '/connectors', { body: '{' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="slipway"');
    const wrong = await server.request('POST', '/connectors', { body: '{', token: `slw_${'a'.repeat(40)}` });
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="slipway", error="invalid_token"');
  });
});

describe('the owner', () => {
  test('is the organization joined first, else the caller', async () => {
    const [first, second] = [await server.makeOrganization(), await server.makeOrganization()];
    const member = await server.makeUser({ organizations: [first, second] });
    expect((await create(minimal, member.token)).body.data.owner).toBe(first);
    expect((await create({ ...minimal, owner: second.toUpperCase() }, member.token)).body.data.owner).toBe(
      second,
    );
    expect((await create({ ...minimal, owner: member.id }, member.token)).body.data.owner).toBe(member.id);
    expect((await create(minimal)).body.data.owner).toBe(user.id);
  });

  test('may be anybody for an admin', async () => {
    const admin = await server.makeUser({ role: 'admin' });
    expect((await create({ ...minimal, owner: user.id }, admin.token)).body.data.owner).toBe(user.id);
    const unknown = await create({ ...minimal, owner: '00000000-0000-4000-8000-000000000000' }, admin.token);
    expect(unknown.body.errors).toEqual({ owner: 'You are not a member of this organization.' });
  });

  test('has a limit, also when many are created at once', async () => {
    const organization = await server.makeOrganization({ limit: 3 });
    const member = await server.makeUser({ organizations: [organization] });
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(minimal, member.token)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status === 400);
    expect(refused).toHaveLength(5);
    expect(refused[0]?.body).toEqual({
      message: 'Bad request.',
      errors: { connector: 'The organization has reached its limit of 3 connectors.' },
    });
  });
});

test('the creation stands in the audit trail, in the same transaction', async () => {
  const answer = await create(minimal);
  const events = await server.server.services.db
    .selectFrom('audit_events')
    .selectAll()
    .where('connector_id', '=', answer.body.data.id)
    .execute();
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    action: 'connector_create',
    actor_id: user.id,
    actor_kind: 'user',
    entity_type: 'connector',
    request_id: answer.headers.get('x-request-id'),
  });
});

test('references start with the defaults of the user, else of the organization', async () => {
  const organization = await server.makeOrganization();
  const { db } = server.server.services;
  await db
    .updateTable('organizations')
    .set({
      dev_defaults: '{"account":5,"project":6}',
      prod_defaults: '{"accounts":[1],"projects":[2],"sites":[3,4]}',
    })
    .where('id', '=', organization)
    .execute();
  const member = await server.makeUser({ organizations: [organization] });
  const first = (await create(minimal, member.token)).body.data.versions[0];
  expect(first.platform_dev_reference).toMatchObject({ account: 5, project: 6 });
  expect(first.platform_prod_reference).toMatchObject({
    'target-accounts': [1],
    'target-projects': [2],
    'target-sites': [3, 4],
  });
  await db
    .updateTable('users')
    .set({ dev_defaults: '{"account":9,"project":null}' })
    .where('id', '=', member.id)
    .execute();
  const second = (await create(minimal, member.token)).body.data.versions[0];
  expect(second.platform_dev_reference).toMatchObject({ account: 9, project: null });
});
