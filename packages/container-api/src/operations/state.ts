import { minify, readFields } from '@slipway/records';
import { type Answer, badRequest, failure, invalid, NO_CONTENT, Refusal, TEXTS } from '../http/answers.ts';
import type { Call, Operation } from '../http/operation.ts';
import type { KnownCheckpoint } from '../run/checkpoints.ts';

/** Bytes of the JSON text of a value (container-api.md 2.6). */
const VALUE_LIMIT = 1024 * 1024;
/** Keys of one scope. */
const MAX_KEYS = 1000;

const NOT_FOUND = failure(404, 'State not found.');
const CHANGED = failure(412, 'The resource has changed since it was read.', {});

/** Checkpoints: container-api.md 5.22. */
export const stateOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/state/:key',
    handle: async (call) => {
      const key = readKey(call);
      const found = call.run.checkpoints.get(key);
      if (!found?.exists) throw new Refusal(NOT_FOUND);
      const { version, updatedAt } = found;
      const text = await call.run.checkpoints.textOf(found);
      // Put together as text: the value comes back as it was printed.
      const body =
        `{"message":"","data":{"key":${JSON.stringify(key)},"value":${text},` +
        `"version":${version},"updated-at":${JSON.stringify(updatedAt)}}}`;
      return { status: 200, body, headers: etag(version) };
    },
  },
  {
    method: 'PUT',
    path: '/state/:key',
    handle: async (call) => {
      const key = readKey(call);
      const commit = readCommit(call);
      const text = readFields(await call.body()).get('value');
      if (text === undefined) throw invalid({ value: 'This field is missing.' });
      const value = minify(text);
      if (Buffer.byteLength(value) > VALUE_LIMIT)
        throw invalid({ value: 'This value is larger than 1 MiB.' });
      return await call.run.checkpoints.change(key, commit, (current) => {
        checkConditions(call, current);
        const isNew = !current?.exists;
        if (isNew && call.run.checkpoints.size >= MAX_KEYS) {
          throw invalid({ key: `There are more than ${MAX_KEYS} keys.` });
        }
        const version = (current?.version ?? 0) + 1;
        return { text: value, answer: saved(key, version) };
      });
    },
  },
  {
    method: 'DELETE',
    path: '/state/:key',
    handle: async (call) => {
      const key = readKey(call);
      const commit = readCommit(call);
      return await call.run.checkpoints.change(key, commit, (current) => {
        checkConditions(call, current);
        if (!current?.exists) throw new Refusal(NOT_FOUND);
        return { text: null, answer: NO_CONTENT };
      });
    },
  },
];

function readKey(call: Call): string {
  const key = call.parameter('key');
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(key)) throw badRequest({ key: TEXTS.notValid });
  return key;
}

function readCommit(call: Call): 'success' | 'now' {
  const commit = call.query.text('commit') ?? 'success';
  if (commit !== 'success' && commit !== 'now') {
    throw badRequest({ commit: 'This value should be success or now.' });
  }
  return commit;
}

/** @throws {Refusal} 412 when `If-Match` or `If-None-Match` do not hold */
function checkConditions(call: Call, current: KnownCheckpoint | null): void {
  const { 'if-match': match, 'if-none-match': noneMatch } = call.request.headers;
  const tags = (header: string): string[] => header.split(',').map((tag) => tag.trim());
  const own = current?.exists ? `"${current.version}"` : null;
  const holds = (header: string): boolean =>
    own !== null && tags(header).some((tag) => tag === own || tag === '*');
  if (match !== undefined && !holds(match)) throw new Refusal(CHANGED);
  if (call.request.method === 'PUT' && noneMatch !== undefined && holds(noneMatch))
    throw new Refusal(CHANGED);
}

function saved(key: string, version: number): Answer {
  const body = JSON.stringify({ message: 'State saved.', data: { key, version } });
  return { status: 200, body, headers: etag(version) };
}

function etag(version: number): Readonly<Record<string, string>> {
  return { ETag: `"${version}"` };
}
