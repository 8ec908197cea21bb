import { beforeAll, expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let organization: string;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  organization = await server.makeOrganization({ limit: 1 });
  user = await server.makeUser();
});

const patch = (path: string, as = user) => server.request('PATCH', path, { token: as.token });
const show = (id: string) => server.request('GET', `/connectors/${id}`, { token: user.token });

test('goes to the bin and comes back with its state', async () => {
  const { id } = await makeConnector(server, user, { version: { ...configured, state: 'built' } });
  const moved = await patch(`/connectors/${id}/move-to-bin`);
  expect(moved.body).toMatchObject({
    message: 'Connector has been moved to bin.',
    data: { id, versions: [], main: null },
  });
  expect((await show(id)).body).toEqual({ message: 'Connector not found.' });
  expect((await patch(`/connectors/${id}/move-to-bin`)).status).toBe(404);
  const version = await server.request('GET', `/connectors/${id}/versions/latest`, { token: user.token });
  expect(version.body).toEqual({ message: 'Connector not found.' });
  const bin = await server.request('GET', '/connectors/bin', { token: user.token });
  expect(bin.body.data[0].versions[0]['deleted-at']).toMatch(/^\d{4}-/);

  const restored = await patch(`/connectors/${id}/restore-from-bin`);
  expect(restored.body.message).toBe('Connector has been restored from bin.');
  expect(restored.body.data.versions[0]).toMatchObject({ state: 'built', 'deleted-at': null });
  expect((await patch(`/connectors/${id}/restore-from-bin`)).body).toEqual({
    message: 'Connector not found.',
  });
});

test.each([
  ['released', { released: true }],
  ['granted to an account', { enabled_for_accounts: [1] }],
  ['granted to a site', { enabled_for_sites: [1] }],
  ['on a production site', { assigned_to_sites: [1] }],
])('is refused while a version is %s', async (_name, version) => {
  const { id } = await makeConnector(server, user, { version });
  expect((await patch(`/connectors/${id}/move-to-bin`)).body).toEqual({
    message: 'Connector is actively used on the platform.',
    errors: [],
  });
});

test.each([
  'building',
  'synchronizing-to-dev',
  'resynchronizing-to-dev',
  'synchronizing-to-prod',
  'resynchronizing-to-prod',
])('is refused while a version is %s', async (state) => {
  const { id } = await makeConnector(server, user, { version: { state } });
  expect((await patch(`/connectors/${id}/move-to-bin`)).body).toEqual({
    message: `Transition is not allowed, entity is ${state}.`,
    errors: [],
  });
});

test('what lies in the bin does not count towards the limit, coming back does', async () => {
  const member = await server.makeUser({ organizations: [organization] });
  const first = await makeConnector(server, member);
  await patch(`/connectors/${first.id}/move-to-bin`, member);
  await makeConnector(server, member);
  expect((await patch(`/connectors/${first.id}/restore-from-bin`, member)).body).toEqual({
    message: 'Bad request.',
    errors: { connector: 'The organization has reached its limit of 1 connectors.' },
  });
});

test('an id that is none is refused under the name publicId', async () => {
  expect((await patch('/connectors/none/restore-from-bin')).body).toEqual({
    message: 'Bad request.',
    errors: { publicId: 'This is not a valid UUID.' },
  });
});
