import { containerApiDocument, containerApiEndpoints, containerApiVersions } from '@slipway/contract';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { operations } from '../src/operations/index.ts';
import { readCases } from './golden-case.ts';

type Json = Record<string, unknown>;
interface Answer {
  content?: Record<string, { schema: Json }>;
}

const document = containerApiDocument(containerApiVersions[0]) as {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>;
  components: { schemas: { Error: Json } };
};

test('the document names every endpoint of the server, and no other', () => {
  const documented = containerApiEndpoints.map(({ method, path }) => `${method} ${path}`);
  const served = operations.map(({ method, path }) => `${method} ${nameless(path)}`);
  expect(documented.map(nameless).sort()).toEqual(served.sort());
  expect(new Set(containerApiEndpoints.map(({ id }) => id)).size).toBe(25);
});

/** Parameters without their names: the server's router has its own. */
const nameless = (path: string): string => path.replace(/\{\w+\}|:\w+|\*/g, '{}');

describe('every golden example', () => {
  const cases = readCases().filter(({ path }) => !path.includes('://'));
  test.for(cases)('$case is as the document says', ({ method, path, status, response }) => {
    const route = path.replace(/\/{2,}/g, '/').split('?')[0] as string;
    const endpoint = containerApiEndpoints.find(
      (candidate) => candidate.method === method && pattern(candidate.path).test(route),
    );
    // Routes that there are not.
    if (!endpoint) {
      expect([403, 404, 405, 431]).toContain(status);
      return;
    }
    const { responses } = document.paths[endpoint.path]?.[method.toLowerCase()] ?? { responses: {} };
    const answer = responses[status];
    // What any endpoint may answer is not repeated at each.
    if (!answer) {
      expect([400, 403, 404, 405, 409, 413, 415, 431]).toContain(status);
      return;
    }
    const schema = answer.content?.['application/json']?.schema;
    if (response === undefined || schema === undefined) return;
    const resolved = '$ref' in schema ? document.components.schemas.Error : schema;
    expect([...Compile(resolved as never).Errors(filled(response))]).toEqual([]);
  });
});

const pattern = (path: string): RegExp =>
  new RegExp(`^${path.replace('{remoteFile}', '.+').replace(/\{\w+\}/g, '[^/]+')}/?$`, 'i');

/** Placeholders of the examples as values of their kind. */
const filled = (response: unknown): unknown =>
  JSON.parse(
    JSON.stringify(response)
      .replaceAll('<uuid>', '93be0c83-6ce5-456a-936b-81ee3b486149')
      .replaceAll('<timestamp>', '2026-05-11T10:15:00+00:00'),
  );
