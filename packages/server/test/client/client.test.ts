import { changeGuarded, createClient } from '@slipway/client';
import { expect, test } from 'vitest';
import { newId } from '../../src/ids.ts';
import { makeConnector } from '../support/connectors.ts';
import { startTestServer } from '../support/server.ts';

const server = await startTestServer();
const user = await server.makeUser();
const client = server.client(user);

test('a refusal carries what the server said', async () => {
  const body = { 'connector-type': 'export', 'connector-name': ' ', readme: 'x' } as const;
  await expect(client.connectorCreate({ body })).rejects.toMatchObject({
    name: 'ApiError',
    operation: 'connector_create',
    status: 400,
    message: 'Bad request.',
    errors: { 'connector-name': 'This value should not be blank.' },
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  await expect(
    client.connectorShow({ publicId: newId() }, { headers: { 'X-Request-Id': 'mine' } }),
  ).rejects.toMatchObject({ status: 404, message: 'Connector not found.', errors: {}, requestId: 'mine' });
});

test('answers are their data; the rest is there for whoever asks', async () => {
  const call = client.connectorCreate({
    body: { 'connector-type': 'datasource', 'connector-name': 'Feed' },
  });
  const { data, status, message, etag, requestId, replayed } = await call.withAnswer();
  expect(await call).toBe(data);
  expect(data).toMatchObject({ name: 'Feed', type: 'datasource' });
  expect([status, message, replayed]).toEqual([201, 'Connector created.', false]);
  expect(etag).toMatch(/^"[\w-]{27}"$/);
  expect(requestId).not.toBeNull();
  const publicId = data.id;
  expect(await client.connectorTransferOwnership({ publicId, body: { new_owner: user.id } })).toBe(
    'A new owner has been assigned.',
  );
  await client.connectorMoveToBin({ publicId });
  expect(await client.connectorDelete({ publicId })).toBeUndefined();
});

test('a call that is made again under its key is done once', async () => {
  const create = () =>
    client
      .connectorCreate(
        { body: { 'connector-type': 'export', 'connector-name': 'Once' } },
        { idempotencyKey: 'the-same-key' },
      )
      .withAnswer();
  const [one, other] = [await create(), await create()];
  expect([one.replayed, other.replayed]).toEqual([false, true]);
  expect(other.data).toEqual(one.data);
  expect((await client.connectorList({ query: { name: 'Once' } })).metadata.total).toBe(1);
});

test('a list is read page by page to its end, while others insert', async () => {
  const owner = await server.makeUser();
  const own = server.client(owner);
  const made: string[] = [];
  for (let number = 1; number <= 7; number++) {
    made.push((await makeConnector(server, owner, { name: `Feed ${number}` })).id);
  }
  const found: string[] = [];
  for await (const { id } of own.connectorList({ query: { limit: 3, owners: [owner.id] } })) {
    if (found.length === 1) await makeConnector(server, owner, { name: 'Later' });
    found.push(id);
  }
  expect(found).toEqual(made.reverse());
  const { items, metadata } = await own.connectorList({ query: { limit: 3, from: 6 } });
  expect([items.map(({ name }) => name), metadata.total, metadata.next]).toEqual([
    ['Feed 2', 'Feed 1'],
    8,
    null,
  ]);
});

test('guarded changes of many writers all last', async () => {
  const { id: publicId } = await makeConnector(server, user, { name: 'x' });
  const append = () =>
    changeGuarded(
      () => client.connectorShow({ publicId }),
      ({ name }, ifMatch) =>
        client.connectorUpdate({ publicId, body: { 'connector-name': `${name}x` } }, { ifMatch }),
      50,
    );
  await Promise.all(Array.from({ length: 5 }, append));
  expect((await client.connectorShow({ publicId })).name).toBe('x'.repeat(6));
  await expect(
    client.connectorUpdate({ publicId, body: { 'connector-name': 'y' } }, { ifMatch: '"old"' }),
  ).rejects.toMatchObject({ status: 412, message: 'The resource has changed since it was read.' });
  await expect(
    changeGuarded(
      () => client.meShow(),
      async () => {},
    ),
  ).rejects.toThrow('What was read has no ETag, so a change of it can not be guarded.');
});

test('a logo is uploaded and shown', async () => {
  const { id: publicId } = await makeConnector(server, user);
  const picture = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const version = { publicId, connectorVersion: 'latest' } as const;
  const shown = await client.connectorVersionUploadLogo({ ...version, file: new Blob([picture]) });
  expect(shown.version).toBe('1.0.1');
  const logo = await client.logoShow({ publicId, major: 1 });
  expect([logo.headers.get('content-type'), await logo.text()]).toEqual(['image/svg+xml', picture]);
  await expect(
    client.connectorVersionUploadLogo({ ...version, file: new Blob(['<html/>']) }),
  ).rejects.toMatchObject({ errors: { logo: 'This file is not a valid SVG image.' } });
});

test('a token that ended is renewed under way', async () => {
  const { token } = await client.tokenCreate({
    body: { name: 'CI', scopes: ['connectors:read'], 'expires-in-days': 1 },
  });
  const renewed: string[] = [];
  const other = createClient({
    url: server.url,
    token: (refused) => {
      if (refused === undefined) return 'slw_ended';
      renewed.push(refused);
      return token;
    },
  });
  expect((await other.meShow()).uuid).toBe(user.id);
  expect(renewed).toEqual(['slw_ended']);
  await expect(createClient({ url: server.url, token: 'slw_ended' }).meShow()).rejects.toMatchObject({
    status: 401,
    message: 'You have to be authorized to access this resource.',
  });
});
