import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { grant, makeAccountWithSite } from '../../test/support/deployed.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { forgetOldAnswers } from './idempotency.ts';

const server = await startTestServer();
const { db, vault } = server.server.services;
const user = await server.makeUser();

const changed = { message: 'The resource has changed since it was read.', errors: [] };
const field = (option: string) => ({
  'command-option': option,
  'field-type': 'input',
  'field-name': option,
  'field-required': false,
});

async function etagOf(path: string, { token }: TestUser = user): Promise<string> {
  const { status, headers, text } = await server.request('GET', path, { token });
  expect(status, text).toBe(200);
  const etag = headers.get('etag');
  expect(etag).toMatch(/^"[\w-]{27}"$/);
  return etag as string;
}

test('a connector and a version have a strong ETag, which changes with them', async () => {
  const { id } = await makeConnector(server, user);
  const connector = await etagOf(`/connectors/${id}`);
  const version = await etagOf(`/connectors/${id}/versions/1`);
  expect(await etagOf(`/connectors/${id}`)).toBe(connector);
  expect(await etagOf(`/connectors/${id}/versions/latest`)).toBe(version);
  expect(version).not.toBe(connector);
  await server.request('POST', `/connectors/${id}/versions/1/individual-configs`, {
    token: user.token,
    body: field('a'),
  });
  expect(await etagOf(`/connectors/${id}`)).not.toBe(connector);
  expect(await etagOf(`/connectors/${id}/versions/1`)).not.toBe(version);
});

test('the answer that creates a connector has the ETag that reading it has', async () => {
  const { headers, body } = await server.request('POST', '/connectors', {
    token: user.token,
    body: { 'connector-type': 'export', 'connector-name': 'Tagged' },
  });
  expect(headers.get('etag')).toBe(await etagOf(`/connectors/${body.data.id}`));
});

test('If-None-Match answers 304 without a body while nothing changed', async () => {
  const { id } = await makeConnector(server, user);
  const etag = await etagOf(`/connectors/${id}`);
  for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await server.request('GET', `/connectors/${id}`, {
      token: user.token,
      headers: { 'if-none-match': held },
    });
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([304, '', etag]);
  }
  const other = await server.request('GET', `/connectors/${id}`, {
    token: user.token,
    headers: { 'if-none-match': '"other"' },
  });
  expect(other.status).toBe(200);
  const head = await server.request('HEAD', `/connectors/${id}`, { token: user.token });
  expect(head.headers.get('etag')).toBe(etag);
});

test('a change below a version is compared with the version, and answers 412 when it differs', async () => {
  const { id } = await makeConnector(server, user);
  const path = `/connectors/${id}/versions/1`;
  await server.request('POST', `${path}/individual-configs`, { token: user.token, body: field('a') });
  const etag = await etagOf(path);
  const put = (match: string, name: string) =>
    server.request('PUT', `${path}/individual-configs/a`, {
      token: user.token,
      body: { ...field('a'), 'field-name': name },
      headers: { 'if-match': match },
    });
  const stale = await put('"other"', 'x');
  expect([stale.status, stale.body]).toEqual([412, changed]);
  expect((await put(`W/${etag}`, 'x')).status).toBe(412);
  expect(await etagOf(path)).toBe(etag);
  expect((await put(etag, 'First')).status).toBe(200);
  expect((await put(etag, 'Second')).status).toBe(412);
  expect((await put('*', 'Third')).status).toBe(200);
});

test('If-Match is looked at behind the entity and before the body', async () => {
  const { id } = await makeConnector(server, user);
  const put = (path: string, body: object) =>
    server.request('PUT', path, { token: user.token, body, headers: { 'if-match': '"other"' } });
  expect((await put(`/connectors/${newId()}/versions/1/individual-configs/order`, {})).status).toBe(404);
  expect((await put(`/connectors/${id}/versions/1/individual-configs/order`, { wrong: 1 })).status).toBe(412);
});

test('of many writers with the same ETag one passes', async () => {
  const { id } = await makeConnector(server, user);
  const path = `/connectors/${id}/versions/1`;
  await server.request('POST', `${path}/individual-configs`, { token: user.token, body: field('a') });
  const etag = await etagOf(path);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_item, index) =>
      server.request('PUT', `${path}/individual-configs/a`, {
        token: user.token,
        body: { ...field('a'), 'field-name': `Writer ${index}` },
        headers: { 'if-match': etag },
      }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(11).fill(412)]);
});

test('a change of a connector is compared with the connector', async () => {
  const { id } = await makeConnector(server, user);
  const etag = await etagOf(`/connectors/${id}`);
  const move = (match: string) =>
    server.request('PATCH', `/connectors/${id}/move-to-bin`, {
      token: user.token,
      headers: { 'if-match': match },
    });
  expect((await move('"other"')).body).toEqual(changed);
  expect((await move(etag)).status).toBe(200);
});

test('entities of the platform have an ETag, and their changes accept If-Match', async () => {
  const { account, site } = await makeAccountWithSite(server);
  await grant(server, user, 'account', account, 'write');
  const etag = await etagOf(`/platform/sites/${site}`);
  const patch = (match: string, name: string) =>
    server.request('PATCH', `/platform/sites/${site}`, {
      token: user.token,
      body: { name },
      headers: { 'if-match': match },
    });
  expect((await patch('"other"', 'No')).body).toEqual(changed);
  const answers = await Promise.all(['A', 'B', 'C'].map((name) => patch(etag, name)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  const won = answers.find(({ status }) => status === 200);
  expect(won?.headers.get('etag')).toBe(await etagOf(`/platform/sites/${site}`));
});

const create = (key: string, body: unknown, token = user.token) =>
  server.request('POST', '/connectors', { token, body, headers: { 'idempotency-key': key } });
const connector = (name: string) => ({ 'connector-type': 'export', 'connector-name': name });

test('the same request under a key is answered once, and then replayed', async () => {
  const key = newId();
  const first = await create(key, connector('Once'));
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
  const second = await create(key, connector('Once'));
  expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
  expect(second.text).toBe(first.text);
  expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(await count('Once')).toBe(1);
});

const count = async (name: string): Promise<number> => {
  const rows = await db.selectFrom('connectors').select('id').where('name', '=', name).execute();
  return rows.length;
};

test('another request with the key is refused; another user may have the same key', async () => {
  const key = newId();
  await create(key, connector('Mine'));
  const used = { message: 'This Idempotency-Key was used with another request.', errors: [] };
  const other = await create(key, connector('Other'));
  expect([other.status, other.body]).toEqual([409, used]);
  const elsewhere = await server.request('POST', '/connectors/copy', {
    token: user.token,
    body: connector('Mine'),
    headers: { 'idempotency-key': key },
  });
  expect([elsewhere.status, elsewhere.body]).toEqual([409, used]);
  expect((await create(key, connector('Theirs'), (await server.makeUser()).token)).status).toBe(201);
});

test('refusals with 400 and 404 are kept; 403 leaves the key free', async () => {
  const bad = newId();
  expect((await create(bad, {})).status).toBe(400);
  const again = await create(bad, {});
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([400, 'true']);

  const missing = newId();
  const patch = (id: string, key: string, token = user.token) =>
    server.request('PATCH', `/connectors/${id}/move-to-bin`, { token, headers: { 'idempotency-key': key } });
  const nowhere = newId();
  expect((await patch(nowhere, missing)).status).toBe(404);
  expect((await patch(nowhere, missing)).headers.get('idempotency-replayed')).toBe('true');

  const { id } = await makeConnector(server, user);
  const stranger = await server.makeUser();
  const key = newId();
  expect((await patch(id, key, stranger.token)).status).toBe(403);
  const free = await create(key, connector('Free'), stranger.token);
  expect(free.status, free.text).toBe(201);
});

test('a request while the first one is going on answers 409, and the change is made once', async () => {
  const key = newId();
  // Whoever wants this key now waits in the queue of its lock.
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const holder = db.transaction().execute(async (work) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`idempotency ${user.id} ${key}`}, 0))`.execute(
      work,
    );
    const during = await create(key, connector('During'));
    expect([during.status, during.body]).toEqual([
      409,
      { message: 'A request with this Idempotency-Key is in progress.', errors: [] },
    ]);
    release();
  });
  await held;
  await holder;
  const answers = await Promise.all(Array.from({ length: 8 }, () => create(key, connector('During'))));
  for (const { status } of answers) expect([201, 409]).toContain(status);
  expect(await count('During')).toBe(1);
});

test.each(['', ' ', 'with space', 'ü', 'x'.repeat(256)])('the key %j is not valid', async (key) => {
  const response = await fetch(`${server.url}/connectors`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${user.token}`,
      'content-type': 'application/json',
      'idempotency-key': Buffer.from(key).toString('latin1'),
    },
    body: JSON.stringify(connector('Never')),
  });
  expect([response.status, await response.json()]).toEqual([
    400,
    { message: 'Bad request.', errors: { 'Idempotency-Key': 'This value is not valid.' } },
  ]);
});

test('reads do not look at the key', async () => {
  const answer = await server.request('GET', '/connectors', {
    token: user.token,
    headers: { 'idempotency-key': 'with space' },
  });
  expect(answer.status).toBe(200);
});

test('a kept answer is sealed, and forgotten after 24 hours with its value', async () => {
  const key = newId();
  const first = await create(key, connector('Sealed'));
  const row = await db
    .selectFrom('idempotency_keys')
    .innerJoin('vault_entries', 'vault_entries.id', 'idempotency_keys.answer')
    .select(['answer', 'sealed', 'purpose'])
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  expect(row.purpose).toBe('idempotent-answer');
  expect(row.sealed.toString('latin1')).not.toContain('Sealed');
  const age = (hours: number) =>
    sql`UPDATE idempotency_keys SET created_at = now() - make_interval(hours => ${hours}) WHERE key = ${key}`.execute(
      db,
    );
  await age(23);
  await forgetOldAnswers({ db, vault });
  expect((await create(key, connector('Sealed'))).text).toBe(first.text);
  await age(24);
  const renewed = await create(key, connector('Sealed'));
  expect([renewed.status, renewed.headers.get('idempotency-replayed')]).toEqual([201, null]);
  await age(24);
  await forgetOldAnswers({ db, vault });
  expect(await db.selectFrom('idempotency_keys').selectAll().where('key', '=', key).execute()).toEqual([]);
  const left = await db.selectFrom('vault_entries').select('id').where('id', '=', row.answer).execute();
  expect(left).toEqual([]);
});

test('a change whose If-Match differs leaves the key free', async () => {
  const { id } = await makeConnector(server, user);
  const key = newId();
  const move = (match: string) =>
    server.request('PATCH', `/connectors/${id}/move-to-bin`, {
      token: user.token,
      headers: { 'if-match': match, 'idempotency-key': key },
    });
  expect((await move('"other"')).status).toBe(412);
  expect((await move(await etagOf(`/connectors/${id}`))).status).toBe(200);
});
