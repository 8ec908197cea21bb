import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApiError, ConnectionError, createClient } from '../src/index.ts';
import { backOff, delayBeforeRetry } from '../src/retry.ts';
import { answer, done, serve } from './support/server.ts';

const soon = { 'retry-after': '0' };
const body = { 'connector-type': 'export', 'connector-name': 'x' } as const;
const unavailable = { message: 'Service unavailable.' };

const failure = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => null,
    (error: unknown) => error,
  );

test('a read is asked for again while the server is not available', async () => {
  const { url, received } = await serve((response, _, index) =>
    index < 3
      ? answer(response, [502, 503, 504][index] as number, unavailable, soon)
      : answer(response, 200, done),
  );
  expect(await createClient({ url }).connectorShow({ publicId: 'x' })).toEqual({ id: 'x' });
  expect(received.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(4).fill('GET /connectors/x'));
});

test('a change that got no answer is made again under the same key', async () => {
  const { url, received } = await serve((response, _, index) => {
    if (index === 0) response.socket?.destroy();
    else if (index === 1) {
      const message = 'A request with this Idempotency-Key is in progress.';
      answer(response, 409, { message, errors: [] }, soon);
    } else answer(response, 201, done, { 'idempotency-replayed': 'true' });
  });
  const client = createClient({ url });
  const { data, replayed, status } = await client.connectorCreate({ body }).withAnswer();
  expect([data, replayed, status]).toEqual([{ id: 'x' }, true, 201]);
  const keys = received.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys).toEqual([keys[0], keys[0], keys[0]]);
  expect(received.map((request) => JSON.parse(request.body))).toEqual([body, body, body]);
});

test('each call has a key of its own, unless it is given one', async () => {
  const { url, received } = await serve((response) => answer(response, 201, done));
  const client = createClient({ url });
  await client.connectorCreate({ body });
  await client.connectorCreate({ body });
  await client.connectorCreate({ body }, { idempotencyKey: 'mine' });
  const [one, other, mine] = received.map(({ headers }) => headers['idempotency-key']);
  expect(one).not.toBe(other);
  expect(mine).toBe('mine');
});

test('a public change has no key, so only a refusal is good for another try', async () => {
  const { url, received } = await serve((response, _, index) =>
    index === 0
      ? answer(response, 429, { message: 'Too many requests.' }, soon)
      : answer(response, 503, unavailable, soon),
  );
  const accept = createClient({ url }).invitationAccept({ token: 'x', body: { name: 'Ada', password: 'x' } });
  await expect(accept).rejects.toMatchObject({ status: 503, message: 'Service unavailable.' });
  expect(received.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, undefined]);
});

test.each([
  [400, { message: 'Bad request.', errors: { name: 'This value should not be blank.' } }],
  [403, { message: 'Access denied for user.' }],
  [404, { message: 'Connector not found.' }],
  [409, { message: 'This Idempotency-Key was used with another request.', errors: [] }],
  [412, { message: 'The resource has changed since it was read.', errors: [] }],
  [500, { message: 'Internal server error.' }],
])('a refusal with %i is final', async (status, refused) => {
  const { url, received } = await serve((response) =>
    answer(response, status, refused, { 'x-request-id': 'abc' }),
  );
  const error = await failure(createClient({ url }).connectorCreate({ body }));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    operation: 'connector_create',
    status,
    message: refused.message,
    errors: 'errors' in refused && !Array.isArray(refused.errors) ? refused.errors : {},
    requestId: 'abc',
    retryAfterMs: null,
  });
  expect(received).toHaveLength(1);
});

test('whoever is to wait long is told at once', async () => {
  const { url, received } = await serve((response) =>
    answer(response, 429, { message: 'Too many requests.' }, { 'retry-after': '3600' }),
  );
  await expect(createClient({ url }).meShow()).rejects.toMatchObject({
    message: 'Too many requests.',
    retryAfterMs: 3_600_000,
  });
  expect(received).toHaveLength(1);
});

test('an answer that is not of the server is told by its status', async () => {
  const { url } = await serve((response) => answer(response, 502, '<h1>Bad Gateway</h1>'));
  await expect(createClient({ url, retries: 0 }).meShow()).rejects.toMatchObject({
    status: 502,
    message: 'The server answered 502 Bad Gateway',
    errors: {},
    requestId: null,
  });
});

test('after its tries a call fails with what happened on the way', async () => {
  const { url, received } = await serve((response) => response.socket?.destroy());
  const error = await failure(createClient({ url, retries: 1 }).meShow());
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({
    operation: 'me_show',
    message: `The connection to ${url} failed: other side closed`,
    timedOut: false,
  });
  expect(received).toHaveLength(2);
});

test('a server that is not there is named', async () => {
  const client = createClient({ url: 'http://127.0.0.1:9', retries: 0 });
  await expect(client.meShow()).rejects.toThrow(
    /^The connection to http:\/\/127\.0\.0\.1:9 failed: .*(9|bad port)/,
  );
});

test('an answer that does not come in time is asked for again, then given up', async () => {
  const { url, received } = await serve(() => {});
  const error = await failure(createClient({ url }).meShow(undefined, { timeoutMs: 50, retries: 1 }));
  expect(error).toMatchObject({
    name: 'ConnectionError',
    message: `${url} did not answer within 0.05 s.`,
    timedOut: true,
  });
  expect(received).toHaveLength(2);
});

test('a caller who gives up ends the call, its pauses too', async () => {
  const { url, received } = await serve((response) =>
    answer(response, 503, unavailable, { 'retry-after': '60' }),
  );
  const stop = new AbortController();
  const call = createClient({ url }).meShow(undefined, { signal: stop.signal });
  await expect.poll(() => received.length).toBe(1);
  stop.abort(new Error('Enough.'));
  await expect(call).rejects.toThrow('Enough.');
  const late = createClient({ url }).meShow(undefined, { signal: stop.signal });
  await expect(late).rejects.toThrow('Enough.');
  expect(received).toHaveLength(1);
});

test('pauses double up to a cap, and never all of them are chance', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), (attempt) => {
      const full = Math.min(8_000, 250 * 2 ** (attempt - 1));
      const delay = backOff(attempt);
      expect(delay).toBeGreaterThanOrEqual(full / 2);
      expect(delay).toBeLessThanOrEqual(full);
    }),
  );
});

test('a date in Retry-After is understood', () => {
  const at = (value: string) =>
    new ApiError('x', new Response(null, { status: 503, headers: { 'retry-after': value } }), null);
  expect(at('Thu, 01 Jan 1970 00:00:00 GMT').retryAfterMs).toBe(0);
  expect(at('soon').retryAfterMs).toBeNull();
  expect(delayBeforeRetry(at('Thu, 01 Jan 1970 00:00:00 GMT'), true, 1)).toBe(0);
  expect(delayBeforeRetry(at(new Date(Date.now() + 3_600_000).toUTCString()), true, 1)).toBeNull();
});
