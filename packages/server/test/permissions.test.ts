import { readFileSync } from 'node:fs';
import { allOperations, type Operation, roleScopes } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../src/routes.ts';
import { makeConnector } from './support/connectors.ts';
import { grant } from './support/deployed.ts';
import { entityParams } from './support/entities.ts';
import { record } from './support/recording.ts';
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
  params = await entityParams(server, { owner: users.member, organization, member: users.viewer });
  const binned = await makeConnector(server, users.member);
  await server.request('PATCH', `/connectors/${binned.id}/move-to-bin`, { token: users.member.token });
  params.movedToBinPublicId = binned.id;
  // Chapter 6 reads the columns as rights: viewer = read, member = write, admin = account admin.
  for (const [user, right] of [
    [users.viewer, 'read'],
    [users.member, 'write'],
    [users.admin, 'admin'],
  ] as const) {
    await grant(server, user, 'account', Number(params.accountId), right);
  }
});

const addressOf = (operation: Operation): string =>
  operation.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = params[name];
    if (value === undefined) {
      throw new Error(
        `No entity for {${name}} of ${operation.id}: add one to packages/server/test/support/entities.ts.`,
      );
    }
    return value;
  });

/** Verbs that look for what they are about by themselves, behind the check of the body: a refusal needs the right one. */
const rightBodies: Record<string, () => object | undefined> = {
  connector_build_trigger: () => ({ connector: params.publicId }),
  run_create: () => ({ connector: params.publicId }),
  sign_in_delete: () => undefined,
  token_delete: () => undefined,
};

/**
 * Wrong on purpose: access is decided before the fields of a body are looked at, so nothing is ever changed. A form where
 * one is expected, since another content type is refused before the entity is looked for.
 */
function bodyOf({ id, method, upload }: Operation, refused: boolean): unknown {
  if (method === 'GET') return undefined;
  if (upload) return new FormData();
  const rightBody = rightBodies[id];
  return refused && rightBody ? rightBody() : { 'no-such-field': true };
}

const send = (operation: Operation, token: string | undefined, refused: boolean) =>
  server.request(operation.method, addressOf(operation), { token, body: bodyOf(operation, refused) });

test('every declared operation is bound to a verb, and stands in the matrix', () => {
  const bound = new Set(routes.map(({ operation }) => operation.id));
  expect(allOperations.map(({ id }) => id).filter((id) => !bound.has(id))).toEqual([]);
  const known = new Set(matrix.map(({ operation }) => operation));
  expect(allOperations.map(({ id }) => id).filter((id) => !known.has(id))).toEqual([]);
});

test.each(rows)('$operation declares the scope of the matrix', ({ operation, scope }) => {
  expect(declared.get(operation)?.scope).toBe(scope);
});

describe.each(rows)('$operation', (row) => {
  const operation = declared.get(row.operation) as Operation;
  const isPublic = operation.access === 'public';

  test.each(roles)('as %s', async (role) => {
    const expected = row[role].replace(/[^0-9].*$/, '');
    const refused = ['401', '403', '404'].includes(expected);
    const answer = await send(operation, role === 'anonymous' ? undefined : users[role].token, refused);
    if (refused) expect(answer.status, answer.text).toBe(Number(expected));
    else expect([401, 403], answer.text).not.toContain(answer.status);
    if (expected === '401') {
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="slipway"');
      expect(answer.body).toEqual({ message: 'You have to be authorized to access this resource.' });
    }
    if (expected === '403') expect(answer.body).toEqual({ message: 'Access denied for user.' });
    expect(answer.status, answer.text).toBeLessThan(500);
    record({ kind: 'role', operation: operation.id, role });
  });

  test(`with an expired token${isPublic ? ', which nobody looks at' : ''}`, async () => {
    const { token, id } = await server.makeUser({ role: 'admin' });
    await server.server.services.db
      .updateTable('tokens')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('user_id', '=', id)
      .execute();
    const answer = await send(operation, token, !isPublic);
    if (isPublic) {
      expect(answer.status, answer.text).not.toBe(401);
    } else {
      expect(answer.status, answer.text).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="slipway", error="invalid_token"');
      expect(answer.body).toEqual({ message: 'You have to be authorized to access this resource.' });
    }
    record({ kind: 'role', operation: operation.id, role: 'expired token' });
  });

  test('with every scope but its own', async () => {
    const { scope, otherScope } = operation;
    const scopes = roleScopes.admin.filter((other) => other !== scope && other !== otherScope);
    const { token } = await server.makeUser({ role: 'admin', scopes });
    const answer = await send(operation, token, true);
    if (scope === null) {
      expect([401, 403], answer.text).not.toContain(answer.status);
    } else {
      expect(answer.status, answer.text).toBe(403);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", scope="${scope}"`,
      );
      expect(answer.body).toEqual({ message: 'Access denied for user.' });
    }
    record({ kind: 'role', operation: operation.id, role: 'wrong scope' });
  });
});
