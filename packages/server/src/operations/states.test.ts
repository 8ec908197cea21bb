import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { configured, makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeRepository, plainConnector } from '../../test/support/repository.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';
import { newId } from '../ids.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer({ SLIPWAY_ENGINE: 'process', SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true' });
  user = await server.makeUser();
});

/** A settled or invented state, `age` minutes old. */
async function putState(
  connector: TestConnector,
  owner: TestUser,
  { name = 'build', status = 'done', age = 0, data = null as object | null } = {},
  target = server,
): Promise<string> {
  const id = newId();
  await target.server.services.db
    .insertInto('states')
    .values({
      id,
      name,
      status,
      owner_id: owner.id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      config: JSON.stringify({ connectorPublicId: connector.id, majorVersion: 1 }),
      data: data && JSON.stringify(data),
      created_at: sql<Date>`now() - make_interval(mins => ${age})`,
    })
    .execute();
  return id;
}

const get = (path: string, who = user, headers: Record<string, string> = {}) =>
  server.request('GET', path, { token: who.token, headers });
const ids = (body: { data: { id: string }[] }): string[] => body.data.map(({ id }) => id);

describe('listing and showing', () => {
  test('a state has its keys in order; empty data is a list', async () => {
    const connector = await makeConnector(server, user);
    const id = await putState(connector, user);
    const { status, text } = await get(`/states/${id}`);
    expect(status).toBe(200);
    expect(text).toMatch(
      new RegExp(
        `^\\{"message":"successful operation","resource":"connector","data":\\{"id" : "${id}", "status" : "done", ` +
          `"name" : "build", "owner" : "${user.id}", "created" : "[^"]+\\+00:00", ` +
          `"config" : \\{"connectorPublicId":"${connector.id}","majorVersion":1\\}, "data" : \\[\\]\\}\\}$`,
      ),
    );
  });

  test('the list of a version is newest first, 20 to a page', async () => {
    const connector = await makeConnector(server, user);
    const made: string[] = [];
    for (let age = 0; age < 23; age += 1) made.push(await putState(connector, user, { age }));
    const path = `/connectors/${connector.id}/versions/latest/states`;
    const { body } = await get(path);
    expect(ids(body)).toEqual(made.slice(0, 20));
    expect(body).toMatchObject({ resource: 'state', metadata: { from: 0, limit: 20, count: 20, total: 23 } });
    const next = await get(body.metadata.next);
    expect(ids(next.body)).toEqual(made.slice(20));
    expect(next.body.metadata).toEqual({ from: 20, limit: 20, count: 3, total: 23, next: null });
  });

  test('the newest of an action is found; an unknown action and one that never ran are told apart', async () => {
    const connector = await makeConnector(server, user);
    await putState(connector, user, { age: 5 });
    const newest = await putState(connector, user, {
      age: 1,
      status: 'failed',
      data: { error: 'x', step: 'y' },
    });
    await putState(connector, user, { age: 0, name: 'synchronize_to_dev' });
    const path = `/connectors/${connector.id}/versions/1/states`;
    const found = await get(`${path}/build`);
    expect(found.body).toMatchObject({
      message: 'successful operation',
      resource: 'connector',
      data: { id: newest, data: { error: 'x', step: 'y' } },
    });
    expect((await get(`${path}/rollback_migration`)).body).toEqual({
      message: 'Last state was not found based on query parameters.',
    });
    const unknown = await get(`${path}/nothing`);
    expect([unknown.status, unknown.body]).toEqual([
      400,
      { message: 'This background action does not exist.', errors: [] },
    ]);
  });

  test('everybody lists what they started and what belongs to connectors they may see', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const viewer = await server.makeUser({ role: 'viewer', organizations: [organization] });
    const other = await server.makeUser();
    const admin = await server.makeUser({ role: 'admin' });
    const connector = await makeConnector(server, member);
    const theirs = await putState(connector, member, { age: 1 });
    const byOther = await putState(connector, other, { status: 'failed' });
    expect(ids((await get('/states', member)).body)).toEqual([byOther, theirs]);
    expect(ids((await get('/states', viewer)).body)).toEqual([byOther, theirs]);
    expect(ids((await get('/states', other)).body)).toEqual([byOther]);
    expect(ids((await get(`/states?triggered_by=${other.id}`, member)).body)).toEqual([byOther]);
    expect(ids((await get('/states?status=done', member)).body)).toEqual([theirs]);
    expect(ids((await get('/states', admin)).body)).toEqual(expect.arrayContaining([byOther, theirs]));
    expect((await get('/states?triggered_by=me', member)).body).toEqual({
      message: 'Invalid connector user identifier.',
      errors: [],
    });
    expect((await get('/states?status=gone', member)).body).toEqual({
      message: 'Bad request.',
      errors: { status: 'The value you selected is not a valid choice.' },
    });
    // Whoever started it reads it, but does not cancel it.
    expect((await get(`/states/${byOther}`, other)).status).toBe(200);
    expect((await get(`/states/${theirs}`, other)).status).toBe(403);
    const cancel = (id: string, who: TestUser) =>
      server.request('POST', `/states/${id}/cancel`, { token: who.token });
    expect((await cancel(byOther, other)).status).toBe(403);
    expect((await cancel(byOther, viewer)).status).toBe(403);
  });

  test('a state that is not there is not found', async () => {
    for (const path of ['', '/logs', '/events']) {
      const answer = await get(`/states/${newId()}${path}`);
      expect([answer.status, answer.body]).toEqual([404, { message: 'State not found.' }]);
    }
    expect((await get('/states/7')).body).toEqual({
      message: 'Bad request.',
      errors: { stateId: 'This is not a valid UUID.' },
    });
  });
});

async function startBuild(files: Record<string, string> = plainConnector): Promise<{
  id: string;
  connector: TestConnector;
}> {
  const { url } = makeRepository(server, files);
  const connector = await makeConnector(server, user, {
    version: { ...configured, command: 'sh', arguments: 'main.sh', vcs_url: url },
  });
  const answer = await server.request('POST', '/builds/connectors', {
    token: user.token,
    body: { connector: connector.id },
  });
  return { id: answer.body.data.state.uuid, connector };
}

const parseEvents = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const parts = Object.fromEntries(
        block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      );
      return { event: parts.event, id: parts.id, data: JSON.parse(parts.data ?? 'null') };
    });

describe('events', () => {
  test('begin with the state, carry every line in order, and end when it has settled', async () => {
    const { id } = await startBuild();
    const { headers, text } = await get(`/states/${id}/events`, user, { accept: 'application/json' });
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = parseEvents(text);
    expect(events[0]).toMatchObject({ event: 'state', data: { id, status: 'pending' } });
    expect(events.at(-2)).toMatchObject({ event: 'state', data: { id, status: 'done' } });
    expect(events.at(-1)).toEqual({ event: 'end', id: undefined, data: { status: 'done' } });
    const lines = events.filter(({ event }) => event === 'log');
    expect(lines.map(({ id: number }) => Number(number))).toEqual(lines.map((_line, index) => index + 1));
    const stored = await get(`/states/${id}/logs?limit=1000`);
    expect(lines.map(({ data }) => data)).toEqual(stored.body.data);
    const resumed = parseEvents((await get(`/states/${id}/events`, user, { 'last-event-id': '2' })).text);
    expect(resumed.map(({ event }) => event)).toEqual(['state', ...lines.slice(2).map(() => 'log'), 'end']);
    expect(resumed[1]?.id).toBe('3');
  });

  test('a settled state without a log ends at once', async () => {
    const connector = await makeConnector(server, user);
    const id = await putState(connector, user, { status: 'failed', data: { error: 'x', step: 'y' } });
    const events = parseEvents((await get(`/states/${id}/events`)).text);
    expect(events.map(({ event }) => event)).toEqual(['state', 'end']);
    expect(events[1]?.data).toEqual({ status: 'failed' });
  });
});

test('a server that stops ends what follows it', async () => {
  const stopping = await startTestServer({ SLIPWAY_ENGINE: 'process', SLIPWAY_ROLE: 'api' });
  const owner = await stopping.makeUser();
  const connector = await makeConnector(stopping, owner, {
    version: { ...configured, state: 'building', state_before: 'updated' },
  });
  const id = await putState(connector, owner, { status: 'pending' }, stopping);
  const events = stopping.request('GET', `/states/${id}/events`, { token: owner.token });
  await setTimeout(200);
  await stopping.server.stop();
  expect(parseEvents((await events).text).map(({ event }) => event)).toEqual(['state']);
});

describe('cancelling', () => {
  test('needs builds:write for a build and releases:write for the rest', async () => {
    const connector = await makeConnector(server, user);
    const organizationless = (scopes: ('builds:write' | 'releases:write')[]) =>
      server.makeUser({ role: 'admin', scopes });
    const builder = await organizationless(['builds:write']);
    const releaser = await organizationless(['releases:write']);
    const cancel = async (who: TestUser, name: string) => {
      const id = await putState(connector, user, { name });
      return server.request('POST', `/states/${id}/cancel`, { token: who.token });
    };
    for (const [who, name, scope] of [
      [releaser, 'build', 'builds:write'],
      [builder, 'synchronize_to_dev', 'releases:write'],
      [builder, 'create_platform_site', 'releases:write'],
    ] as const) {
      const answer = await cancel(who, name);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        403,
        `Bearer error="insufficient_scope", scope="${scope}"`,
      ]);
    }
    for (const [who, name] of [
      [builder, 'build'],
      [releaser, 'synchronize_to_dev'],
    ] as const) {
      const answer = await cancel(who, name);
      expect([answer.status, answer.body]).toEqual([
        400,
        { message: 'The action can no longer be cancelled.', errors: [] },
      ]);
    }
  });

  test('settles a running build, ends its log, and stops its worker', async () => {
    const { id, connector } = await startBuild({ ...plainConnector, 'slipway.yaml': 'install: sleep 30\n' });
    await until(async () => (await get(`/builds/${id}`)).body.data.steps[3].status === 'running');
    const events = get(`/states/${id}/events`);
    const answer = await server.request('POST', `/states/${id}/cancel`, { token: user.token });
    expect([answer.status, answer.body]).toEqual([202, { message: 'State will be cancelled.' }]);
    expect(parseEvents((await events).text).at(-1)).toMatchObject({
      event: 'end',
      data: { status: 'failed' },
    });
    expect((await get(`/states/${id}`)).body.data).toMatchObject({
      status: 'failed',
      data: { error: 'Build was cancelled', step: 'image' },
    });
    const { body } = await get(`/connectors/${connector.id}`);
    expect(body.data.versions[0].state).toBe('updated');
    // Another build gets the only place there is.
    const next = await startBuild();
    await until(async () => (await get(`/states/${next.id}`)).body.data.status === 'done');
    const { rows } = await sql<{ action: string }>`
      SELECT action FROM audit_events WHERE connector_id = ${connector.id} ORDER BY time, id`.execute(
      server.server.services.db,
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'connector_create',
      'connector_build_trigger',
      'state_cancel',
    ]);
  });
});
