import { expect, test } from 'vitest';
import { createClient } from '../src/index.ts';
import { answer, page, serve } from './support/server.ts';

test('an iterated list asks for its pages one by one, with the filters of the first', async () => {
  const { url, received } = await serve((response, { url }) => {
    const after = new URL(url, 'http://x').searchParams.get('after');
    if (after === null) answer(response, 200, page([1, 2], '/connectors?limit=2&name=a&after=two'));
    else if (after === 'two') answer(response, 200, page([3, 4], '/connectors?limit=2&name=a&after=four'));
    else answer(response, 200, page([5]));
  });
  const found: unknown[] = [];
  const list = createClient({ url }).connectorList({ query: { name: 'a', limit: 2, owners: ['x', 'y'] } });
  for await (const connector of list) found.push(connector);
  expect(found).toEqual([1, 2, 3, 4, 5]);
  expect(received.map(({ url }) => url)).toEqual([
    '/connectors?name=a&limit=2&owners=x%2Cy',
    '/connectors?limit=2&name=a&after=two',
    '/connectors?limit=2&name=a&after=four',
  ]);
});

test('a list that is left asks for no further page; one that is not used for none at all', async () => {
  const { url, received } = await serve((response) =>
    answer(response, 200, page([1, 2], '/connectors?after=x')),
  );
  const client = createClient({ url });
  client.connectorList();
  for await (const connector of client.connectorList()) if (connector) break;
  expect(received).toHaveLength(1);
});

test('an awaited list is its first page', async () => {
  const { url, received } = await serve((response) =>
    answer(response, 200, page([1, 2], '/connectors?after=x'), { 'slipway-data-set': '7' }),
  );
  const list = createClient({ url }).connectorList();
  const { items, metadata, headers } = await list;
  expect([items, metadata.total, metadata.next]).toEqual([[1, 2], 9, '/connectors?after=x']);
  expect(headers.get('slipway-data-set')).toBe('7');
  expect((await list).items).toEqual([1, 2]);
  expect(received).toHaveLength(1);
});

test('the token goes to no other server, whatever the next address says', async () => {
  const { url } = await serve((response) => answer(response, 200, page([1], '@example.com/connectors')));
  const pages = createClient({ url, token: 'x' }).connectorList().pages();
  await pages.next();
  await expect(pages.next()).rejects.toThrow('"@example.com/connectors" is no address of a next page.');
});

test('lines are given as they arrive, however the network cuts them', async () => {
  const bytes = new TextEncoder().encode('{"id":"1","title":"Tür"}\n{"id":"2","title":"🛒"}\n{"id":"3"}');
  const { url, received } = await serve(async (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const byte of bytes) {
      response.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const rows: unknown[] = [];
  for await (const row of createClient({ url }).runOutput({ runId: 'x' }).lines()) rows.push(row);
  expect(rows).toEqual([{ id: '1', title: 'Tür' }, { id: '2', title: '🛒' }, { id: '3' }]);
  expect(received[0]?.headers.accept).toBe('application/x-ndjson');
});

test('lines that break off are no complete answer', async () => {
  const { url } = await serve((response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write('{"id":"1"}\n{"id":');
    setTimeout(() => response.socket?.destroy(), 20);
  });
  const lines = createClient({ url }).runOutput({ runId: 'x' }).lines();
  expect((await lines.next()).value).toEqual({ id: '1' });
  await expect(lines.next()).rejects.toMatchObject({
    name: 'ConnectionError',
    operation: 'run_output',
    message: 'The stream of lines broke.',
  });
});

test('a download is what was asked for, as it comes', async () => {
  const { url, received } = await serve((response) =>
    answer(response, 200, 'id,title\n1,Chair\n', { 'content-type': 'text/csv' }),
  );
  const download = await createClient({ url }).platformDataShow({ siteId: 7 }).download('text/csv');
  expect(await download.text()).toBe('id,title\n1,Chair\n');
  expect([received[0]?.url, received[0]?.headers.accept]).toEqual(['/platform/sites/7/data', 'text/csv']);
});

test('path values are encoded, and lead nowhere else', async () => {
  const { url, received } = await serve((response) => answer(response, 204, ''));
  const client = createClient({ url: `${url}/` });
  const version = { publicId: 'x', connectorVersion: 'latest' } as const;
  await client.connectorIndividualConfigRemove({ ...version, commandOption: 'a/b ?ü' });
  expect(received[0]?.url).toBe('/connectors/x/versions/latest/individual-configs/a%2Fb%20%3F%C3%BC');
  await expect(client.connectorShow({ publicId: '' })).rejects.toThrow(
    'connector_show needs the path value "publicId".',
  );
  await expect(client.connectorShow({} as never)).rejects.toThrow(
    'connector_show needs the path value "publicId".',
  );
  await expect(client.connectorShow({ publicId: '..' })).rejects.toThrow(
    'The path value "publicId" of connector_show must not be "." or "..".',
  );
  expect(received).toHaveLength(1);
});
