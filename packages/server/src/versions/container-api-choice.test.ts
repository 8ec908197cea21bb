import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { badRequest, startVersionCalls } from '../../test/support/version-calls.ts';

const { server, user, admin, call, show } = await startVersionCalls({
  SLIPWAY_CONTAINER_API_IMAGE: 'registry.example:5000/slipway/container-api:0.25.0',
});
const connector = await makeConnector(server, user);
const put = (body: object, who = user) =>
  call('PUT', connector, '/execution-config/container-api', body, who);
const chosen = async () => (await show(connector)).config.execution['container-api'];

test('one of the keys is there', async () => {
  expect(await put({})).toEqual(badRequest({ 'version-constraint': 'This value should not be blank.' }));
  expect(await put({ 'version-constraint': '' })).toEqual(
    badRequest({ 'version-constraint': 'This value should not be blank.' }),
  );
});

test.each(['Not an image', 'a b', ':tag', 'a:', 'UPPER/case', 'a@sha256:12', ''])(
  '%j is no image reference',
  async (image) => {
    expect(await put({ image })).toEqual(badRequest({ image: 'This value is not a valid image reference.' }));
  },
);

test.each([
  'slipway/container-api',
  'registry.example:5000/slipway/other:0.25.0',
  'evil.example/slipway/container-api',
])('only an admin may name %s', async (image) => {
  expect(await put({ image })).toEqual(badRequest({ image: 'This image is not allowed.' }));
  expect((await put({ image }, admin))[0]).toBe(200);
  expect((await put({ image: null }))[0]).toBe(200);
});

test('any tag and digest of the usual repository may be named', async () => {
  for (const end of ['', ':0.30.0-rc.1', `@sha256:${'a'.repeat(64)}`, `:x@sha256:${'a'.repeat(64)}`]) {
    const image = `registry.example:5000/slipway/container-api${end}`;
    expect((await put({ image }))[0], image).toBe(200);
    expect((await chosen()).image).toBe(image);
  }
  await put({ image: null });
});

test('a constraint is met by what the server serves, unless an image is set', async () => {
  expect(await put({ 'version-constraint': 'newest please' })).toEqual(
    badRequest({ 'version-constraint': 'This value is not a valid version constraint.' }),
  );
  const unmet = badRequest({ 'version-constraint': 'No Container API version satisfies this constraint.' });
  expect(await put({ 'version-constraint': '^0.20' })).toEqual(unmet);
  const image = 'registry.example:5000/slipway/container-api:0.20.1';
  const [status, body] = await put({ image, 'version-constraint': '^0.20' });
  expect([status, Object.keys(body), body.message]).toEqual([
    200,
    ['message', 'data'],
    'successful operation',
  ]);
  expect(await chosen()).toEqual({ image, 'version-constraint': '^0.20' });
  expect((await put({ 'version-constraint': '^0.19' }))[0]).toBe(200);
  // The image goes, so the constraint that stays has to be met.
  expect(await put({ image: null })).toEqual(unmet);
  expect((await put({ image: null, 'version-constraint': '>=0.25 <0.26' }))[0]).toBe(200);
  expect(await chosen()).toEqual({ image: null, 'version-constraint': '>=0.25 <0.26' });
});
