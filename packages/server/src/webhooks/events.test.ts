import { EgressPolicy } from '@slipway/engine';
import { expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { buildScript, deploy, endOfProcess, localRepositories } from '../../test/support/deployed.ts';
import { makeRepository } from '../../test/support/repository.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { eventually } from '../../test/support/wait.ts';
import { newId } from '../ids.ts';

const server = await startTestServer(localRepositories);
Object.assign(server.server.services.git.settings, { egress: new EgressPolicy({ allowLoopback: true }) });

async function makeHook(user: TestUser): Promise<string> {
  const { body } = await server.request('POST', '/webhooks', {
    token: user.token,
    // Nothing listens there: what was told is what is tested here.
    body: { name: newId(), url: 'http://127.0.0.1:1/', events: ['*'] },
  });
  return body.data.id;
}

const told = async (
  user: TestUser,
  hook: string,
): Promise<{ type: string; data: Record<string, unknown> }[]> => {
  const { body } = await server.request('GET', `/webhooks/${hook}/deliveries`, { token: user.token });
  return body.data.map(({ payload }: { payload: unknown }) => payload).reverse();
};

test('a build that fails is told with the version and its connector', async () => {
  const user = await server.makeUser();
  const hook = await makeHook(user);
  const { id } = await makeConnector(server, user, {
    version: { ...configured, vcs_url: '/nowhere/at/all' },
  });
  await server.request('POST', '/builds/connectors', { token: user.token, body: { connector: id } });
  const [event] = await eventually(
    () => told(user, hook),
    (events) => events.length > 0,
  );
  expect(event?.type).toBe('version.build-failed');
  expect(event?.data).toMatchObject({ version: '1.0.0', state: 'updated', connector: id });
  expect(Object.keys(event?.data ?? {}).at(-1)).toBe('connector');
});

test('a build that works is told with the version as it is then', async () => {
  const user = await server.makeUser();
  const hook = await makeHook(user);
  const { url } = makeRepository(server);
  const { id } = await makeConnector(server, user, {
    version: { ...configured, command: 'sh', arguments: 'main.sh', vcs_url: url },
  });
  await server.request('POST', '/builds/connectors', { token: user.token, body: { connector: id } });
  const [event] = await eventually(
    () => told(user, hook),
    (events) => events.length > 0,
  );
  expect(event?.type).toBe('version.built');
  expect(event?.data).toMatchObject({ state: 'built', connector: id });
});

test.each([
  ['process.exit(0)', ['run.finished', 'process.finished']],
  ['process.exit(3)', ['run.failed', 'process.failed']],
])('a process with a run that does %s', async (script, expected) => {
  const user = await server.makeUser();
  const hook = await makeHook(user);
  const digest = await buildScript(server, script);
  const { id, site } = await deploy(server, user, digest);
  const { body } = await server.request('POST', '/runs', { token: user.token, body: { connector: id } });
  await endOfProcess(server, user, site, body.data['process-id']);
  const events = await eventually(
    () => told(user, hook),
    (found) => found.length === 2,
  );
  expect(events.map(({ type }) => type)).toEqual(expected);
  expect(events[0]?.data).toMatchObject({ id: body.data.run.uuid, 'connector-id': id });
  expect(events[1]?.data).toMatchObject({ id: body.data['process-id'], 'site-id': site });
});
