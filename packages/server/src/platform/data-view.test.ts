import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  deploy,
  endOfProcess,
  localRepositories,
  makeAccountWithSite,
} from '../../test/support/deployed.ts';
import { testFields, testScript } from '../../test/support/script.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;
let site: number;
let dataSet: number;

/** A site with the rows 1 to 250; the even ones have `extra`. */
beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  const digest = await buildScript(server, testScript);
  const connector = await deploy(server, user, digest, {
    fields: testFields.map((field) => (field.option === 'rows' ? { ...field, default: '250' } : field)),
  });
  site = connector.site;
  const answer = await server.request('POST', `/platform/sites/${site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  expect(await endOfProcess(server, user, site, answer.body.data.process_id)).toMatchObject({
    status: 'success',
  });
  dataSet = (await show('')).body.data['data-set'];
});

const show = (path: string, accept?: string) =>
  server.request('GET', `/platform/sites/${site}${path}`, {
    token: user.token,
    headers: accept ? { accept } : {},
  });
const data = (query: Record<string, string>, accept?: string) =>
  show(`/data?${new URLSearchParams(query)}`, accept);

test('pages of rows name their data set', async () => {
  const answer = await data({ limit: '2' });
  expect(answer.headers.get('slipway-data-set')).toBe(String(dataSet));
  expect(answer.body.data).toEqual([
    { id: '1', title: 'Row 1', extra: '' },
    { id: '2', title: 'Row 2', extra: 'x' },
  ]);
  expect(answer.body.metadata).toMatchObject({ from: 0, limit: 2, count: 2, total: 250 });
  expect(answer.body.resource).toBe('row');
});

test('the next page follows, pinned to the data set', async () => {
  const first = await data({ limit: '100', sort: '-id' });
  const ids = first.body.data.map((row: { id: string }) => row.id);
  let next: string | null = first.body.metadata.next;
  expect(next).toContain('sort=-id');
  while (next !== null) {
    const page = await server.request('GET', next, { token: user.token });
    ids.push(...page.body.data.map((row: { id: string }) => row.id));
    next = page.body.metadata.next;
  }
  expect(ids).toEqual(Array.from({ length: 250 }, (_, index) => String(250 - index)));
});

test('filters compare numbers as numbers', async () => {
  const filter = JSON.stringify([
    { column: 'id', operator: 'greater', value: '9' },
    { column: 'id', operator: 'less', value: '13.0' },
    { column: 'extra', operator: 'not-empty' },
  ]);
  const answer = await data({ filter });
  expect(answer.body.data.map((row: { id: string }) => row.id)).toEqual(['10', '12']);
  expect(answer.body.metadata.total).toBe(2);
});

test('columns are chosen by name and in their order', async () => {
  expect((await data({ columns: 'extra,id,none', limit: '1' })).text).toContain(
    '"data":[{"extra":"","id":"1"}]',
  );
});

test('all rows as lines of JSON', async () => {
  const answer = await data({ columns: 'id' }, 'application/x-ndjson');
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  expect(answer.headers.get('slipway-data-set')).toBe(String(dataSet));
  const lines = answer.text.split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.length).toBe(250);
  expect(lines[0]).toBe('{"id":"1"}');
});

test('filtered rows as CSV with a header line', async () => {
  const filter = JSON.stringify([{ column: 'title', operator: 'equals', value: 'Row 2' }]);
  const answer = await data({ filter }, 'text/csv');
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(answer.text).toBe('id,title,extra\r\n2,Row 2,x\r\n');
});

test.each([
  [{ stage: 'all' }, { stage: 'The value you selected is not a valid choice.' }],
  [{ stage: 'export' }, { export: 'This value should not be blank.' }],
  [{ stage: 'export', export: '1' }, { export: 'Export not found.' }],
  [{ 'data-set': '999999' }, { 'data-set': 'Data set not found.' }],
  [{ filter: '{' }, { filter: 'This value is not valid.' }],
  [{ sort: 'a,b,c,d' }, { sort: 'This value is not valid.' }],
  [{ system: 'yes' }, { system: 'This value should be true or false.' }],
  [{ after: 'x' }, { after: 'This value is not valid.' }],
  [{ limit: '0' }, { limit: 'This value should be between 1 and 1000.' }],
])('%j is refused', async (query, errors) => {
  const answer = await data(query as Record<string, string>);
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test('a site without a data set shows no rows', async () => {
  const { site: empty } = await makeAccountWithSite(server);
  const admin = await server.makeUser({ role: 'admin' });
  const answer = await server.request('GET', `/platform/sites/${empty}/data`, { token: admin.token });
  expect([answer.status, answer.body.data, answer.body.metadata.total]).toEqual([200, [], 0]);
  expect(answer.headers.has('slipway-data-set')).toBe(false);
});

test('showing rows is on record', async () => {
  await data({ limit: '1' });
  const event = await server.server.services.db
    .selectFrom('audit_events')
    .select(['entity_id', 'actor_id'])
    .where('action', '=', 'platform_data_show')
    .where('actor_id', '=', user.id)
    .executeTakeFirst();
  expect(event).toEqual({ entity_id: String(site), actor_id: user.id });
});

test('the profile of the columns', async () => {
  const filter = JSON.stringify([{ column: 'id', operator: 'less', value: '4' }]);
  const answer = await show(`/data/profile?${new URLSearchParams({ filter })}`);
  expect(answer.body).toEqual({
    data: [
      {
        column: 'id',
        filled: 3,
        empty: 0,
        distinct: 3,
        'distinct-estimated': false,
        shortest: '1',
        longest: '1',
        least: '1',
        greatest: '3',
        frequent: ['1', '2', '3'].map((value) => ({ value, count: 1 })),
      },
      {
        column: 'title',
        filled: 3,
        empty: 0,
        distinct: 3,
        'distinct-estimated': false,
        shortest: 'Row 1',
        longest: 'Row 1',
        least: 'Row 1',
        greatest: 'Row 3',
        frequent: ['Row 1', 'Row 2', 'Row 3'].map((value) => ({ value, count: 1 })),
      },
      {
        column: 'extra',
        filled: 1,
        empty: 2,
        distinct: 1,
        'distinct-estimated': false,
        shortest: 'x',
        longest: 'x',
        least: 'x',
        greatest: 'x',
        frequent: [{ value: 'x', count: 1 }],
      },
    ],
    message: 'successful operation',
    resource: 'column-profile',
  });
  expect(answer.text.indexOf('"empty"')).toBeGreaterThan(answer.text.indexOf('"filled"'));
});

test('the profile of a filter that no row passes has no values', async () => {
  const filter = JSON.stringify([{ column: 'gone', operator: 'equals', value: 'x' }]);
  const answer = await show(`/data/profile?${new URLSearchParams({ filter })}`);
  expect(
    answer.body.data.map(({ filled, empty, least }: Record<string, unknown>) => [filled, empty, least]),
  ).toEqual([1, 2, 3].map(() => [0, 0, null]));
});

test.each([
  [{ stage: 'all' }, { stage: 'The value you selected is not a valid choice.' }],
  [{ stage: 'export' }, { export: 'This value should not be blank.' }],
  [{ stage: 'export', export: '1' }, { export: 'Export not found.' }],
  [{ 'data-set': '999999' }, { 'data-set': 'Data set not found.' }],
  [{ filter: '{' }, { filter: 'This value is not valid.' }],
  [{ system: 'yes' }, { system: 'This value should be true or false.' }],
])('a profile with %j is refused', async (query, errors) => {
  const answer = await show(`/data/profile?${new URLSearchParams(query as Record<string, string>)}`);
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test('a site without a data set has no profile', async () => {
  const { site: empty } = await makeAccountWithSite(server);
  const admin = await server.makeUser({ role: 'admin' });
  const answer = await server.request('GET', `/platform/sites/${empty}/data/profile`, { token: admin.token });
  expect([answer.status, answer.body.data]).toEqual([200, []]);
});
