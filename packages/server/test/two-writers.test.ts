import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from './support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from './support/server.ts';

/** Two servers on one database, and many writers at both: whatever was acknowledged is there. */

let one: TestServer;
let other: TestServer;
let user: TestUser;
let admin: TestUser;

beforeAll(async () => {
  one = await startTestServer();
  const { databaseUrl } = one.server.services.settings;
  other = await startTestServer({ SLIPWAY_DATABASE_URL: databaseUrl as string, SLIPWAY_HOME: one.home });
  user = await one.makeUser();
  admin = await one.makeUser({ role: 'admin' });
});
// Before the first one removes the home folder and the database of both.
afterAll(() => other.server.stop());

interface Write {
  method: string;
  path: string;
  body: unknown;
  as?: TestUser;
}

/** All at once, by turns at either server; every one has to be acknowledged. */
async function writeAll(writes: readonly Write[]): Promise<void> {
  const answers = await Promise.all(
    writes.map(({ method, path, body, as = user }, index) =>
      (index % 2 === 0 ? one : other).request(method, path, { token: as.token, body }),
    ),
  );
  for (const [index, { status, text }] of answers.entries()) {
    expect([200, 201], `${writes[index]?.method} ${writes[index]?.path}: ${text}`).toContain(status);
  }
}

const show = async ({ id }: TestConnector) =>
  (await one.request('GET', `/connectors/${id}`, { token: admin.token })).body.data;
const auditOf = async ({ id }: TestConnector): Promise<{ action: string }[]> =>
  (await one.request('GET', `/audit-events?connector=${id}&limit=1000`, { token: admin.token })).body.data;

test('different parts of one version, all changed at once', async () => {
  for (let round = 0; round < 5; round += 1) {
    const connector = await makeConnector(one, user);
    const version = `/connectors/${connector.id}/versions/1`;
    const writes: Write[] = [
      { method: 'PATCH', path: `/connectors/${connector.id}`, body: { 'connector-name': `Name ${round}` } },
      { method: 'PATCH', path: version, body: { readme: `Readme ${round}` } },
      {
        method: 'PUT',
        path: `${version}/vcs-configs`,
        body: { authorization: 'public', url: `https://example.com/${round}.git` },
      },
      { method: 'PUT', path: `${version}/application-configs`, body: { command: `command-${round}` } },
      {
        method: 'PUT',
        path: `${version}/execution-config/limits`,
        body: { 'memory-mb': 512 + round, 'timeout-seconds': 60 + round },
      },
      ...[1, 2, 3, 4].map((number) => ({
        method: 'POST',
        path: `${version}/individual-configs`,
        body: { 'command-option': `field-${number}`, 'field-type': 'input', 'field-name': 'Field' },
      })),
      ...[1, 2, 3, 4].map((number) => ({
        method: 'POST',
        path: `${version}/targets`,
        body: { 'target-accounts': [number], 'target-sites': [number + 10, 99] },
      })),
    ];
    await writeAll(writes);
    const shown = await show(connector);
    const [made] = shown.versions;
    expect(shown.versions).toHaveLength(1);
    const text = JSON.stringify(shown);
    for (const value of [
      `Name ${round}`,
      `Readme ${round}`,
      `https://example.com/${round}.git`,
      `command-${round}`,
    ]) {
      expect(text).toContain(value);
    }
    const { body: execution } = await one.request('GET', `${version}/execution-config`, {
      token: user.token,
    });
    expect(JSON.stringify(execution.data)).toContain(`"memory-mb":${512 + round}`);
    const fields = await one.request('GET', `${version}/individual-configs`, { token: user.token });
    const orders = fields.body.data.map((field: Record<string, unknown>) => field.order);
    expect(orders).toEqual([1, 2, 3, 4]);
    expect([...made.platform_prod_reference['target-accounts']].sort()).toEqual([1, 2, 3, 4]);
    expect([...made.platform_prod_reference['target-sites']].sort()).toEqual([11, 12, 13, 14, 99]);
    expect(made.state).toBe('updated');
    // One event for each change and one for the creation: none was lost, none is doubled.
    expect(await auditOf(connector)).toHaveLength(writes.length + 1);
  }
});

test('numbers that count changes miss none', async () => {
  const connector = await makeConnector(one, user);
  const logo = (text: string): FormData => {
    const form = new FormData();
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><title>${text}</title></svg>`;
    form.set('logo', new Blob([svg]), 'logo.svg');
    return form;
  };
  await writeAll(
    Array.from({ length: 10 }, (_, index) => ({
      method: 'POST',
      path: `/connectors/${connector.id}/versions/1/logo`,
      body: logo(String(index)),
    })),
  );
  expect((await show(connector)).versions[0].version).toBe('1.0.10');
  await writeAll(
    Array.from({ length: 6 }, () => ({
      method: 'POST',
      path: `/connectors/${connector.id}/versions`,
      body: {},
    })),
  );
  const versions = (await show(connector)).versions.map(({ version }: { version: string }) => version);
  expect(versions.sort()).toEqual(['1.0.10', '2.0.0', '3.0.0', '4.0.0', '5.0.0', '6.0.0', '7.0.0']);
});

test('who changes what they have read is told when another was quicker', async () => {
  const connector = await makeConnector(one, user);
  const path = `/connectors/${connector.id}/versions/1`;
  for (let round = 0; round < 5; round += 1) {
    const { headers } = await one.request('GET', path, { token: user.token });
    const etag = headers.get('etag') as string;
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? one : other).request('PATCH', path, {
          token: user.token,
          body: { readme: `round ${round} writer ${index}` },
          headers: { 'if-match': etag },
        }),
      ),
    );
    const won = answers.findIndex(({ status }) => status === 200);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    expect((await show(connector)).versions[0].readme).toBe(`round ${round} writer ${won}`);
  }
});

test('members come and go at an organization, and its defaults change, all at once', async () => {
  const organization = await one.makeOrganization();
  const people = await Promise.all(Array.from({ length: 8 }, () => one.makeUser()));
  const path = `/organizations/${organization}`;
  await writeAll([
    ...people.map(({ id }) => ({
      method: 'PUT',
      path: `${path}/members/${id}`,
      body: {},
      as: admin,
    })),
    { method: 'PATCH', path, body: { name: 'Renamed' }, as: admin },
    { method: 'PATCH', path, body: { 'connectors-limit': 77 }, as: admin },
  ]);
  const { body } = await one.request('GET', path, { token: admin.token });
  const text = JSON.stringify(body.data);
  for (const { id } of people) expect(text).toContain(id);
  expect(body.data).toMatchObject({ name: 'Renamed', 'connectors-limit': 77 });
});

test('a secret that many write at once has the fields of one of them', async () => {
  const path = '/secrets/two/writers';
  await one.request('PUT', path, { token: user.token, body: { fields: { before: 'x' } } });
  await writeAll(
    Array.from({ length: 8 }, (_, index) => ({
      method: 'PUT',
      path,
      body: { fields: { [`name${index}`]: 'value', also: String(index) } },
    })),
  );
  const { body } = await one.request('GET', '/secrets?path=two/writers', { token: user.token });
  const [{ fields }] = body.data;
  expect(fields).toEqual([expect.stringMatching(/^name[0-7]$/), 'also']);
  const { db, vault } = one.server.services;
  const rows = await db
    .selectFrom('secret_fields')
    .innerJoin('secrets', 'secrets.id', 'secret_fields.secret_id')
    .select(['secret_fields.name', 'secret_fields.value'])
    .where('path', '=', 'two/writers')
    .execute();
  const also = rows.find(({ name }) => name === 'also')?.value as string;
  expect(await vault.open(db, also)).toBe(String(fields[0]).slice(4));
  // What the others stored is gone with them.
  const { length } = await db
    .selectFrom('vault_entries')
    .select('id')
    .where('purpose', '=', 'secret')
    .execute();
  expect(length).toBe(2);
});
