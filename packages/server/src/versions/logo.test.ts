import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { badRequest, inFlightStates, startVersionCalls } from '../../test/support/version-calls.ts';

const { server, user, admin, show, auditOf } = await startVersionCalls();
const picture = '<svg xmlns="http://www.w3.org/2000/svg"/>';

async function upload(
  connector: TestConnector,
  content: string | null,
  name = 'logo',
  headers: Record<string, string> = {},
) {
  const form = new FormData();
  form.set('note', 'a field beside the file');
  if (content !== null) form.set(name, new Blob([content]), 'logo.svg');
  const answer = await server.request('POST', `/connectors/${connector.id}/versions/1/logo`, {
    token: user.token,
    body: form,
    headers,
  });
  return [answer.status, answer.body] as const;
}
const address = (connector: TestConnector) => `/files/connectors/${connector.id}/1/logo.svg`;

test('a logo is shown to everybody, harmless and cached', async () => {
  const connector = await makeConnector(server, user);
  const [status, body] = await upload(connector, picture, 'whatever');
  expect(status).toBe(200);
  expect(body.message).toBe('Logo has been uploaded successfully.');
  expect(body.data.version).toBe('1.0.1');
  expect(new URL(body.data.logo).pathname).toBe(address(connector));
  const shown = await server.request('GET', address(connector));
  expect([shown.status, shown.text]).toEqual([200, picture]);
  expect(Object.fromEntries(shown.headers)).toMatchObject({
    'content-type': 'image/svg+xml',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'public, max-age=300',
  });
  const etag = shown.headers.get('etag') as string;
  expect(etag).toMatch(/^"[\w-]{43}"$/);
  const again = await server.request('GET', address(connector), {
    headers: { 'if-none-match': `"x", W/${etag}` },
  });
  expect([again.status, again.text]).toEqual([304, '']);
  const other = await server.request('GET', address(connector), { headers: { 'if-none-match': '"x"' } });
  expect(other.status).toBe(200);
  expect(await auditOf(connector)).toEqual(['connector_version_upload_logo']);
});

test('an Idempotency-Key belongs to one picture: the same is stored once, another is refused', async () => {
  const connector = await makeConnector(server, user);
  const key = { 'idempotency-key': 'a-logo' };
  const other = '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>';
  const [, first] = await upload(connector, picture, 'logo', key);
  const [status, again] = await upload(connector, picture, 'logo', key);
  expect([status, again]).toEqual([200, first]);
  expect((await show(connector)).version).toBe('1.0.1');
  expect(await upload(connector, other, 'logo', key)).toEqual([
    409,
    { message: 'This Idempotency-Key was used with another request.', errors: [] },
  ]);
  expect((await upload(connector, `<svg ${'x'.repeat(300_000)}`, 'logo', key))[0]).toBe(409);
  expect((await upload(connector, other))[1].data.version).toBe('1.0.2');
});

test('every upload and removal raises the patch number, in every state', async () => {
  const connector = await makeConnector(server, user, { version: { released: true } });
  await upload(connector, picture);
  for (const state of inFlightStates) {
    await server.server.services.db
      .updateTable('connector_versions')
      .set({ state })
      .where('id', '=', connector.versionId)
      .execute();
    expect((await upload(connector, picture))[0]).toBe(200);
  }
  const path = `/connectors/${connector.id}/versions/1/logo`;
  const removed = await server.request('DELETE', path, { token: user.token });
  expect([removed.status, removed.body.message]).toEqual([200, 'Logo has been removed.']);
  expect([removed.body.data.version, removed.body.data.logo]).toEqual(['1.0.7', null]);
  const again = await server.request('DELETE', path, { token: user.token });
  expect([again.status, again.body]).toEqual([404, { message: 'Logo not found.' }]);
  expect((await show(connector)).version).toBe('1.0.7');
  expect((await server.request('GET', address(connector))).status).toBe(404);
});

test('what is no logo is refused', async () => {
  const connector = await makeConnector(server, user);
  expect(await upload(connector, null)).toEqual(badRequest({ logo: 'This value should not be blank.' }));
  expect(await upload(connector, '<svg onload="x"/>')).toEqual(
    badRequest({ logo: 'This file is not a valid SVG image.' }),
  );
  const large = (bytes: number) => picture + ' '.repeat(bytes - picture.length);
  expect((await upload(connector, large(256 * 1024)))[0]).toBe(200);
  expect(await upload(connector, large(256 * 1024 + 1))).toEqual(
    badRequest({ logo: 'This file is too large. Allowed maximum size is 256 KiB.' }),
  );
});

test('a form that breaks off or is none is refused', async () => {
  const connector = await makeConnector(server, user);
  const path = `/connectors/${connector.id}/versions/1/logo`;
  const send = (body: string | undefined, type?: string) =>
    server.request('POST', path, {
      token: user.token,
      ...(body === undefined ? {} : { body }),
      headers: type ? { 'content-type': type } : {},
    });
  const blank = badRequest({ logo: 'This value should not be blank.' });
  for (const answer of [
    await send(undefined),
    await send(
      '--b\r\nContent-Disposition: form-data; name="logo"; filename="a"\r\n\r\nabc',
      'multipart/form-data; boundary=b',
    ),
    await send('nothing', 'multipart/form-data; boundary=b'),
    await send('nothing', 'multipart/form-data'),
  ]) {
    expect([answer.status, answer.body]).toEqual(blank);
  }
  for (const type of ['application/json', 'image/svg+xml']) {
    const answer = await send('{}', type);
    expect([answer.status, answer.body], type).toEqual([
      415,
      { message: 'Content type is not supported.', errors: [] },
    ]);
  }
});

test('a form is refused everywhere else', async () => {
  const answer = await server.request('POST', '/buckets', { token: user.token, body: new FormData() });
  expect(answer.status).toBe(415);
});

test('a file of any size is never read to its end', async () => {
  const connector = await makeConnector(server, user);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = httpRequest(
      `${server.url}/connectors/${connector.id}/versions/1/logo`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${user.token}`,
          'content-type': 'multipart/form-data; boundary=b',
          'transfer-encoding': 'chunked',
        },
      },
      (response) => {
        resolve(response.statusCode);
        call.destroy();
      },
    );
    call.on('error', reject);
    call.write('--b\r\nContent-Disposition: form-data; name="logo"; filename="a"\r\n\r\n');
    // The end of the form is never sent.
    call.write('x'.repeat(1024 * 1024));
  });
  expect(status).toBe(400);
});

test('an address that is none shows no logo', async () => {
  const connector = await makeConnector(server, user);
  for (const path of [
    '/files/connectors/none/1/logo.svg',
    `/files/connectors/${connector.id}/x/logo.svg`,
    `/files/connectors/${connector.id}/9999999999/logo.svg`,
    address(connector),
  ]) {
    const answer = await server.request('GET', path);
    expect([answer.status, answer.body], path).toEqual([404, { message: 'Logo not found.' }]);
  }
  await upload(connector, picture);
  await server.request('PATCH', `/connectors/${connector.id}/move-to-bin`, { token: admin.token });
  expect((await server.request('GET', address(connector))).status).toBe(404);
});
