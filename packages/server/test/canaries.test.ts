import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { EgressPolicy } from '@slipway/engine';
import { sql } from 'kysely';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { newId } from '../src/ids.ts';
import { endOfProcess, endOfRun, localRepositories } from './support/deployed.ts';
import { authorization, givePassword, password, proofKey, signIn, Visitor } from './support/oauth.ts';
import { makeAccount } from './support/platform.ts';
import { makeRepository } from './support/repository.ts';
import { startTestServer } from './support/server.ts';
import { eventually } from './support/wait.ts';

/**
 * Values are planted wherever something is written and never shown, and used in every way that could make them show:
 * then everything that left the server or that it keeps is searched for them, in every spelling.
 */

const logged: string[] = [];
const log = pino(
  { level: 'trace' },
  new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      done();
    },
  }),
);
const server = await startTestServer(localRepositories, undefined, log);
const { services } = server.server;
const { db } = services;
Object.assign(services.git.settings, { egress: new EgressPolicy({ allowLoopback: true }) });

const received: string[] = [];
const receiver = createServer((request, response) => {
  request.on('data', (chunk) => received.push(String(chunk)));
  request.on('end', () => response.end('thanks'));
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
afterAll(() => receiver.close());
const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

/** Has characters that JSON, URLs and shells write differently, and bytes that look different in each base64 alphabet. */
const canary = (name: string): string => `${name}-${randomBytes(9).toString('hex')} "+/?&=\\ü~>>>`;

const user = await server.makeUser();
const admin = await server.makeUser({ role: 'admin' });
const answers: string[] = [];
/** Asks, and keeps what came back. */
async function ask(method: string, path: string, body?: unknown, { as = user, headers = {} } = {}) {
  const answer = await server.request(method, path, { token: as.token, body, headers });
  answers.push(`${method} ${path} ${answer.status} ${JSON.stringify([...answer.headers])} ${answer.text}`);
  return answer;
}
/** Asks for something that is shown this one time, and does not keep the answer. */
async function askOnce(path: string, body: unknown, as = user, headers: Record<string, string> = {}) {
  const answer = await server.request('POST', path, { token: as.token, body, headers });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

/** What the value may look like; base64 begins and ends with what stands beside it, so only its middle is sure. */
function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  const url = encodeURIComponent(value);
  const encoded = [0, 1, 2].flatMap((skipped) => {
    const padded = Buffer.concat([Buffer.alloc(skipped), bytes, Buffer.alloc(3)]);
    const middle = padded.toString('base64').slice(4, -8);
    return [middle, middle.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const lower = url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [
    ...new Set([
      value,
      json,
      JSON.stringify(json).slice(1, -1),
      url,
      lower,
      url.replaceAll('%20', '+'),
      ...encoded,
      bytes.toString('hex'),
    ]),
  ];
}

/** Prints what it was given in all spellings, on every way that a connector has to say something. */
const script = `
const api = process.env.CONTAINER_API_URL;
const values = [process.env.API_TOKEN, process.env.CANARY_SHOP_KEY];
if (values.some((value) => !value)) throw new Error('a value is missing');
const post = (path, body) =>
  fetch(api + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
for (const value of values) {
  const bytes = Buffer.from(value);
  const all = [value, JSON.stringify(value), JSON.stringify({ value }), encodeURIComponent(value), encodeURIComponent(value).toLowerCase(),
    String(new URLSearchParams({ value })),
    ...['', 'x', 'xy'].flatMap((before) => ['base64', 'base64url'].map((form) => Buffer.concat([Buffer.from(before), bytes]).toString(form)))];
  for (const text of all) {
    console.log('out ' + text);
    console.error('err ' + text);
    process.stdout.write(text.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 2));
    process.stdout.write(text.slice(10) + '\\n');
    await post('/logs/error', { message: 'log ' + text, context: { [text]: text, nested: { list: [text] } } });
    await post('/notifications/error', { message: 'note ' + text });
  }
}
await post('/output/output', { data: [{ id: '1' }] });
if (process.env.FAIL === 'yes') throw new Error(values.join());
`;

test('a written value shows nowhere: no answer, log, audit row, webhook, table or file', {
  timeout: 120_000,
}, async () => {
  const values = Object.fromEntries(
    ['first', 'second', 'vcs', 'form', 'run', 'client', 'invited', 'changed', 'refused'].map((name) => [
      name,
      canary(name),
    ]),
  ) as Record<string, string>;
  const { first, second, vcs, form, run, client, invited, changed, refused } = values;

  // Tokens and secrets that are shown once.
  const token = (await askOnce('/tokens', { name: 'One', scopes: ['runs:read'] })).token;
  const kept = (
    await askOnce('/tokens', { name: 'Two', scopes: ['runs:read'] }, user, { 'idempotency-key': 'a-token' })
  ).token;
  const machine = (
    await askOnce(
      '/oauth-clients',
      {
        name: 'Machine',
        kind: 'confidential',
        'grant-types': ['client_credentials'],
        scopes: ['runs:read'],
        user: user.id,
      },
      admin,
    )
  )['client-secret'];
  const hook = await askOnce('/webhooks', { name: 'Hook', url: receiverUrl, events: ['*'] });

  // Passwords: accepted, changed and refused ones.
  const guest = await server.request('POST', '/users', {
    token: admin.token,
    body: { email: 'guest@example.com', name: null },
  });
  const invitation = guest.body.data['invitation-url'].split('/').at(-1);
  await ask('POST', `/invitations/${invitation}`, { name: '', password: invited });
  expect((await ask('POST', `/invitations/${invitation}`, { name: 'Guest', password: invited })).status).toBe(
    200,
  );
  const email = await givePassword(server, user);
  const { tokens } = await signIn(server, email);
  const signedIn = { id: user.id, token: tokens.access_token as string };
  await ask('PUT', '/me/password', { current: refused, new: changed }, { as: signedIn });
  await ask('PUT', '/me/password', { current: password, new: changed, more: refused }, { as: signedIn });
  expect(
    (await ask('PUT', '/me/password', { current: password, new: changed }, { as: signedIn })).status,
  ).toBe(200);
  const visitor = new Visitor(server);
  const page = await visitor.visit(authorization(proofKey().challenge));
  for (const typed of [refused as string, changed as string]) {
    const answer = await visitor.visit(`${page.path}/sign-in`, { email, password: typed });
    answers.push(`${answer.status} ${answer.text}`);
  }
  // Nobody types a password into the field for the address on purpose, but it happens.
  answers.push((await visitor.visit('/oauth/device', { user_code: refused as string })).text);

  // Secrets, and all that is refused with a value in it.
  await ask('PUT', '/secrets/canary/shop', { fields: { key: first } });
  await ask(
    'PUT',
    '/secrets/canary/shop',
    { fields: { key: second } },
    { headers: { 'idempotency-key': 'a-secret' } },
  );
  await ask('PUT', '/secrets/canary/shop', { fields: { 'not valid': refused } });
  await ask('PUT', '/secrets/canary/shop', { fields: { key: refused }, owner: refused });
  await ask('PUT', '/secrets/canary/shop', `{"fields":{"key":${JSON.stringify(refused)}`);
  const oauth2 = {
    'authorization-url': 'https://id.example/a',
    'token-url': 'https://id.example/t',
    scopes: ['read'],
    'client-id': 'me',
    'client-secret': client,
  };
  const provider = { name: 'Provider', kind: 'oauth2', fields: [{ name: 'refresh_token' }], oauth2 };
  expect((await ask('POST', '/authentications', provider, { as: admin })).status).toBe(201);
  await ask(
    'POST',
    '/authentications',
    { ...provider, oauth2: { ...oauth2, scopes: refused } },
    { as: admin },
  );

  // A connector that is built, synchronized and run; another one with credentials of a repository.
  const repository = makeRepository(server, {
    'main.mjs': script,
    Dockerfile: 'FROM node:24-slim\nCMD ["node", "main.mjs"]\n',
  });
  const create = async (name: string) =>
    (await ask('POST', '/connectors', { 'connector-type': 'datasource', 'connector-name': name })).body.data
      .id;
  const connector = await create('Prints everything');
  const version = `/connectors/${connector}/versions/1`;
  const account = await makeAccount(server);
  await ask('PUT', `${version}/vcs-configs`, { authorization: 'public', url: repository.url });
  await ask('PUT', `${version}/application-configs`, { command: 'node', arguments: 'main.mjs' });
  for (const [option, type] of [
    ['api-token', 'password'],
    ['fail', 'input'],
  ]) {
    const field = { 'command-option': option, 'field-type': type, 'field-name': option };
    expect((await ask('POST', `${version}/individual-configs`, field)).status).toBe(201);
  }
  await ask('POST', `${version}/individual-configs`, {
    'command-option': 'other',
    'field-type': 'password',
    'field-name': 'Other',
    'field-default-value': refused,
  });
  await ask('PUT', `${version}/secret-registrations`, { 'secret-registrations': ['canary/shop'] });
  await ask('PUT', `${version}/platform-dev-reference`, { account }, { as: admin });
  const settled = async (id: string) =>
    eventually(
      async () => (await server.request('GET', `/states/${id}`, { token: admin.token })).body.data,
      ({ status }) => status !== 'pending',
    );
  const states: string[] = [];
  for (const [path, body] of [
    ['/builds/connectors', { connector }],
    [`${version}/sync/dev`, {}],
  ] as const) {
    const started = await ask('POST', path, body, { as: admin });
    const id = started.body?.data?.state?.uuid;
    expect(id, started.text).toBeDefined();
    states.push(id);
    expect(await settled(id)).toMatchObject({ status: 'done' });
  }
  const repositoryOf = await create('Has a token');
  const other = `/connectors/${repositoryOf}/versions/1`;
  const basic = { authorization: 'basic', url: 'https://127.0.0.1:1/a.git', username: 'me', token: vcs };
  expect((await ask('PUT', `${other}/vcs-configs`, basic)).status).toBe(200);
  await ask('PUT', `${other}/application-configs`, { command: 'node' });
  await ask('GET', `${other}/vcs-configs/validate`);
  const failing = await ask('POST', '/builds/connectors', { connector: repositoryOf });
  states.push(failing.body.data.state.uuid);
  expect(await settled(failing.body.data.state.uuid)).toMatchObject({ status: 'failed' });
  await ask('PUT', `${other}/vcs-configs`, {
    ...basic,
    url: `https://me:${encodeURIComponent(refused as string)}@example.com/a.git`,
  });
  await ask('PUT', `${other}/vcs-configs`, { authorization: 'deploy-key', url: 'git@example.com:a.git' });
  await ask('POST', `${other}/vcs-configs/deploy-key`);

  // Values of a form: stored, given for one run, refused; a run that ends well and one that fails.
  const shown = (await ask('GET', `/connectors/${connector}`)).body.data;
  const site = shown.versions[0].platform_dev_reference.site;
  const sources = await ask('GET', `/platform/sites/${site}/data-sources`, undefined, { as: admin });
  const source = sources.body.data[0];
  const sourcePath = `/platform/sites/${site}/data-sources/${source.id}`;
  const stored = (more: Record<string, string>) => ({
    ...Object.fromEntries(
      ['name', 'kind', 'role', 'active'].flatMap((key) => (key in source ? [[key, source[key]]] : [])),
    ),
    connector: { id: connector, version: 1, values: { 'api-token': form, ...more } },
  });
  const saved = await ask('PUT', sourcePath, stored({}), { as: admin });
  expect(saved.status, saved.text).toBe(200);
  await ask('PUT', sourcePath, stored({ 'api-token': refused as string, unknown: refused as string }), {
    as: admin,
  });
  await ask('POST', '/runs', { connector, values: { unknown: refused } }, { as: admin });
  const runs: string[] = [];
  for (const given of [{}, { 'api-token': run, fail: 'yes' }]) {
    const started = await ask('POST', '/runs', { connector, values: given }, { as: admin });
    expect(started.status, started.text).toBe(202);
    const { run: made, 'process-id': processId } = started.body.data;
    runs.push(made.uuid);
    expect((await endOfRun(server, admin, made.uuid)).state).toBe('fail' in given ? 'failed' : 'finished');
    await endOfProcess(server, admin, site, processId);
  }
  await ask('POST', `/runs/${runs[1]}/replay`, {}, { as: admin });
  await endOfRun(
    server,
    admin,
    (await ask('GET', '/runs?limit=1', undefined, { as: admin })).body.data[0].id,
  );

  // Everything that can be read.
  for (const path of [
    '/me',
    '/me/sign-ins',
    '/users',
    '/tokens',
    '/oauth-clients',
    '/secrets',
    '/authentications',
    '/webhooks',
    `/webhooks/${hook.id}`,
    `/webhooks/${hook.id}/deliveries?limit=1000`,
    '/audit-events?limit=1000',
    '/connectors',
    `/connectors/${connector}`,
    `${version}/individual-configs`,
    `${version}/execution-config`,
    `${version}/vcs-configs`,
    `${other}/vcs-configs`,
    '/states?limit=1000',
    '/builds?limit=1000',
    '/runs?limit=1000',
    '/queue',
    '/system',
    '/metrics',
    sourcePath,
    `/platform/sites/${site}/processes`,
    `/platform/sites/${site}/notifications`,
    `/platform/sites/${site}/errors`,
    ...states.flatMap((id) => [`/states/${id}`, `/states/${id}/logs?limit=1000`]),
    ...runs.flatMap((id) => [
      `/runs/${id}`,
      `/runs/${id}/logs?limit=1000`,
      `/runs/${id}/output`,
      `/runs/${id}/files`,
    ]),
  ]) {
    for (const as of [user, admin]) await ask('GET', path, undefined, { as });
  }
  const logs = answers.filter((text) => text.includes(`/runs/${runs[0]}/logs`)).join();
  for (const said of ['out ***', 'err ***', 'log ***']) expect(logs).toContain(said);
  await eventually(
    async () => received.join(),
    (text) => text.includes('run.failed'),
  );

  // What the vault holds is the truth: it has what was planted, and keys that nobody has seen.
  const entries = await db.selectFrom('vault_entries').select(['id', 'purpose']).execute();
  const opened = await services.vault.openAll(
    db,
    entries.map(({ id }) => id),
  );
  const sealed = entries.flatMap(({ id, purpose }) => {
    const value = opened.get(id) as string;
    if (purpose === 'oauth-key') return [value.startsWith('{') ? JSON.parse(value).d : value];
    // A key as it stands in its file has many lines, of which each counts; answers and values of runs hold others.
    if (purpose === 'deploy-key')
      return value
        .split('\n')
        .filter((line) => /^[\w+/=]{40,}$/.test(line))
        .slice(1, -1);
    return purpose === 'idempotent-answer' || purpose === 'run-values' ? [] : [value];
  });
  for (const planted of [second, form, client, hook.secret]) expect(sealed).toContain(planted);

  const { rows: tables } = await sql<{ name: string }>`
    SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`.execute(db);
  const dump: string[] = [];
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`SELECT t::text AS row FROM ${sql.raw(name)} t`.execute(db);
    dump.push(...rows.map(({ row }) => `${name} ${row}`));
    // Bytes that are text inside show as hex in a dump; they are read as text, too.
    for (const { row } of rows) {
      for (const [, hex] of row.matchAll(/\\\\x([0-9a-f]{2,})/g)) {
        dump.push(`${name} ${Buffer.from(hex as string, 'hex').toString('latin1')}`);
      }
    }
  }
  const files = await Promise.all(
    (await readdir(server.home, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => {
        const bytes = await readFile(join(parentPath, name)).catch(() => Buffer.alloc(0));
        return `${join(parentPath, name)} ${bytes.toString('latin1')} ${bytes.toString('utf8')}`;
      }),
  );
  const places = { answers, logged, received, dump, files };
  for (const [name, texts] of Object.entries(places)) expect(texts.length, name).toBeGreaterThan(0);

  const found: string[] = [];
  const all = new Set([...Object.values(values), ...sealed, token, kept, machine, hook.secret]);
  for (const value of all) {
    const looks = spellings(value);
    for (const [name, texts] of Object.entries(places)) {
      for (const text of texts) {
        const look = looks.find((each) => each.length >= 12 && text.includes(each));
        if (look === undefined) continue;
        const at = text.indexOf(look);
        found.push(`${value.slice(0, 8)}… in ${name}: …${text.slice(Math.max(0, at - 80), at + 30)}`);
      }
    }
  }
  expect(found).toEqual([]);

  // The search finds what there is to find.
  const planted = newId();
  await db
    .updateTable('users')
    .set({ name: Buffer.from(`x${planted}`).toString('base64') })
    .where('id', '=', user.id)
    .execute();
  const { rows } = await sql<{
    row: string;
  }>`SELECT u::text AS row FROM users u WHERE id = ${user.id}`.execute(db);
  expect(spellings(planted).some((look) => rows[0]?.row.includes(look))).toBe(true);
});
