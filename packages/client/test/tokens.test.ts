import { expect, test } from 'vitest';
import { createClient } from '../src/index.ts';
import { session } from '../src/oauth.ts';
import { answer, done, type Respond, serve } from './support/server.ts';

const refused = { message: 'You have to be authorized to access this resource.' };

/** Accepts one token alone. */
const accepting =
  (token: string): Respond =>
  (response, { headers }) =>
    headers.authorization === `Bearer ${token}`
      ? answer(response, 200, done)
      : answer(response, 401, refused);

test('the token is sent as a bearer token, without one no header', async () => {
  const { url, received } = await serve((response) => answer(response, 200, done));
  await createClient({ url, token: 'slw_x' }).meShow();
  await createClient({ url, token: async () => 'later' }).meShow();
  await createClient({ url }).meShow();
  const sent = received.map(({ headers }) => headers.authorization);
  expect(sent).toEqual(['Bearer slw_x', 'Bearer later', undefined]);
});

test('a refused token is renewed once, however many requests it was refused to', async () => {
  const { url } = await serve(accepting('new'));
  let token = 'old';
  const renewals: string[] = [];
  const client = createClient({
    url,
    token: async (refused) => {
      if (refused === undefined) return token;
      renewals.push(refused);
      await new Promise((resolve) => setTimeout(resolve, 20));
      token = 'new';
      return token;
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => client.connectorShow({ publicId: 'x' })),
  );
  expect(answers).toHaveLength(20);
  expect(renewals).toEqual(['old']);
});

test('a change is sent with the new token under the same key', async () => {
  const { url, received } = await serve(accepting('new'));
  const client = createClient({ url, token: (refused) => (refused ? 'new' : 'old') });
  await client.connectorMoveToBin({ publicId: 'x' });
  const [first, second] = received.map(({ headers }) => headers['idempotency-key']);
  expect(first).toBe(second);
});

test.each([
  ['the same one', () => 'old', 1],
  ['another that is refused too', (refused?: string) => (refused ? 'other' : 'old'), 2],
  ['none', (refused?: string) => (refused ? null : 'old'), 1],
])('a provider that gives %s lets the call fail', async (_, token, requests) => {
  const { url, received } = await serve(accepting('new'));
  await expect(createClient({ url, token }).meShow()).rejects.toMatchObject({
    status: 401,
    message: 'You have to be authorized to access this resource.',
  });
  expect(received).toHaveLength(requests);
});

test('a renewal that fails fails the call, and the next call tries again', async () => {
  const { url } = await serve(accepting('new'));
  let tries = 0;
  const client = createClient({
    url,
    token: (refused) => {
      if (refused === undefined) return 'old';
      tries += 1;
      if (tries === 1) throw new Error('No network.');
      return 'new';
    },
  });
  await expect(client.meShow()).rejects.toThrow('No network.');
  expect(await client.meShow()).toEqual({ id: 'x' });
});

test('a session renews before the end of its token, once, and stores before it uses', async () => {
  const { url, received } = await serve(accepting('second'));
  const order: string[] = [];
  const token = session(
    { accessToken: 'first', refreshToken: 'r1', expiresAt: Date.now() + 1000 },
    {
      async renew({ refreshToken }) {
        order.push(`renew ${refreshToken}`);
        return { accessToken: 'second', refreshToken: 'r2', expiresAt: Date.now() + 900_000 };
      },
      async onTokens({ refreshToken }) {
        order.push(`store ${refreshToken}`);
      },
    },
  );
  const client = createClient({ url, token });
  await Promise.all(Array.from({ length: 5 }, () => client.meShow()));
  expect(order).toEqual(['renew r1', 'store r2']);
  expect(received.map(({ headers }) => headers.authorization)).toEqual(Array(5).fill('Bearer second'));
});
