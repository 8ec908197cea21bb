import { readFileSync } from 'node:fs';
import { allOperations, type Operation } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../src/routes.ts';
import { configured, makeConnector } from './support/connectors.ts';
import { makeAccount, makeChannel, makeProject, makeSite } from './support/platform.ts';
import { startTestServer, type TestServer, type TestUser } from './support/server.ts';

type Role = 'anonymous' | 'viewer' | 'foreign' | 'member' | 'admin';

/** A row of the contract's chapter 7; a status may carry a footnote or stand for two. */
type Row = { operation: string; scope: string | null } & Record<Role, string>;

const matrix = JSON.parse(
  readFileSync(new URL('../../contract/examples/permissions.json', import.meta.url), 'utf8'),
) as Row[];
const declared = new Map(allOperations.map((operation) => [operation.id, operation]));
const rows = matrix.filter(({ operation }) => declared.has(operation));
const roles: Role[] = ['anonymous', 'viewer', 'foreign', 'member', 'admin'];

let server: TestServer;
let users: Record<Exclude<Role, 'anonymous'>, TestUser>;
/** Values for every path parameter: entities that the member's organization owns. */
let params: Record<string, string>;

beforeAll(async () => {
  // Without a token the metrics are open to this machine.
  server = await startTestServer({ SLIPWAY_METRICS_TOKEN: 'a-token-that-nobody-sends' });
  const organization = await server.makeOrganization();
  users = {
    member: await server.makeUser({ organizations: [organization] }),
    viewer: await server.makeUser({ role: 'viewer', organizations: [organization] }),
    foreign: await server.makeUser(),
    admin: await server.makeUser({ role: 'admin' }),
  };
  params = await makeEntities(organization);
});

async function makeEntities(organization: string): Promise<Record<string, string>> {
  const { db } = server.server.services;
  const connector = await makeConnector(server, users.member, { version: configured });
  const state = await server.request('POST', '/builds/connectors', {
    token: users.member.token,
    body: { connector: connector.id },
  });
  const account = await makeAccount(server);
  const project = await makeProject(server, account);
  const site = await makeSite(server, project);
  // Chapter 6 reads the columns as rights: viewer = read, member = write, admin = account admin.
  for (const [user, right] of [
    [users.viewer, 'read'],
    [users.member, 'write'],
    [users.admin, 'admin'],
  ] as const) {
    await db
      .insertInto('memberships')
      .values({ id: crypto.randomUUID(), user_id: user.id, level: 'account', target: account, right })
      .execute();
  }
  const run = await db
    .insertInto('runs')
    .values({
      id: crypto.randomUUID(),
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      connector_version: '1.0.0',
      state: 'finished',
      environment: 'dev',
      stage: 'import',
      process_id: crypto.randomUUID(),
      site_id: site,
      site_name: 'S',
      project_id: project,
      project_name: 'P',
      account_id: account,
      account_name: 'A',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('authentications')
    .values({ id: 1, name: 'Provider', kind: 'fields', fields: '[]' })
    .execute();
  await server.request('PUT', '/secrets/owned/secret', {
    token: users.member.token,
    body: { fields: { key: 'value' } },
  });
  const bucket = await server.request('POST', '/buckets', {
    token: users.member.token,
    body: { name: 'Files' },
  });
  const webhook = await server.request('POST', '/webhooks', {
    token: users.member.token,
    body: { name: 'Hook', url: 'https://example.com/hook', events: ['*'] },
  });
  return {
    webhookId: webhook.body.data.id,
    deliveryId: crypto.randomUUID(),
    publicId: connector.id,
    movedToBinPublicId: connector.id,
    connectorVersion: '1',
    commandOption: 'none',
    backgroundAction: 'build',
    stateId: state.body.data.state.uuid,
    buildId: state.body.data.state.uuid,
    runId: run.id,
    organizationId: organization,
    connectorUuid: connector.id,
    otherVersion: 'latest',
    bucketId: bucket.body.data.id,
    environment: 'dev',
    major: '1',
    memberId: users.viewer.id,
    integratorId: users.foreign.id,
    // Nobody of those who call: everybody may change their own name.
    userId: (await server.makeUser()).id,
    tokenId: crypto.randomUUID(),
    token: 'none',
    signInId: crypto.randomUUID(),
    clientId: 'none',
    path: 'owned/secret',
    store: 'exchange',
    authenticationId: '1',
    accountId: String(account),
    projectId: String(project),
    siteId: String(site),
    dataSourceId: '1',
    channelId: String(await makeChannel(server, { owner: organization })),
    legacyExecutableId: '1',
    processId: crypto.randomUUID(),
  };
}

const addressOf = (operation: Operation): string =>
  operation.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`No entity for {${name}} of ${operation.id}.`);
    return value;
  });

/** A form where one is expected: another content type is refused before the entity is looked for. */
const wrongBody = ({ upload }: Operation) => (upload ? new FormData() : { 'no-such-field': true });

const send = (operation: Operation, token: string | undefined) =>
  server.request(operation.method, addressOf(operation), {
    token,
    // Wrong on purpose: access is decided before the fields of a body are looked at, so nothing is ever changed.
    body: operation.method === 'GET' || operation.method === 'DELETE' ? undefined : wrongBody(operation),
  });

test('every declared operation is bound to a verb, and stands in the matrix', () => {
  const bound = new Set(routes.map(({ operation }) => operation.id));
  expect(allOperations.map(({ id }) => id).filter((id) => !bound.has(id))).toEqual([]);
  const known = new Set(matrix.map(({ operation }) => operation));
  expect(allOperations.map(({ id }) => id).filter((id) => !known.has(id))).toEqual([]);
});

/** Who may change what of a user depends on the fields, so its verb decides; tested beside it. */
const byField = 'user_update';

test.each(rows.filter(({ operation }) => operation !== byField))(
  '$operation declares the scope of the matrix',
  ({ operation, scope }) => {
    expect(declared.get(operation)?.scope).toBe(scope);
  },
);

// The entity of a DELETE is gone after the first call that may: those are tested beside their verbs.
const harmless = rows.filter(({ operation }) => declared.get(operation)?.method !== 'DELETE');
/** Looked up by the body, which is wrong here on purpose; tested beside their verbs. */
const byBody = new Set(['connector_build_trigger', 'run_create']);
/** The first needs a connector in the bin. */
const elsewhere = new Set(['connector_restore_from_bin', byField]);

describe.each(harmless.filter(({ operation }) => !elsewhere.has(operation)))('$operation', (row) => {
  test.each(roles)('as %s', async (role) => {
    const operation = declared.get(row.operation) as Operation;
    const answer = await send(operation, role === 'anonymous' ? undefined : users[role].token);
    const expected = row[role].replace(/[^0-9].*$/, '');
    if (expected === '401' || expected === '403' || expected === '404') {
      if (byBody.has(row.operation) && expected !== '401' && role !== 'viewer') return;
      expect(answer.status, answer.text).toBe(Number(expected));
    } else {
      expect([401, 403], answer.text).not.toContain(answer.status);
    }
    expect(answer.status).toBeLessThan(500);
  });
  test('without its scope', async () => {
    const operation = declared.get(row.operation) as Operation;
    if (operation.scope === null) return;
    const { token } = await server.makeUser({ role: 'admin', scopes: [] });
    const answer = await send(operation, token);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", scope="${operation.scope}"`,
    );
    expect(answer.body).toEqual({ message: 'Access denied for user.' });
  });
});
