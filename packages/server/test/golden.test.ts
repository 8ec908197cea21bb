import { allOperations } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import { goldenCases } from './golden/cases.ts';
import { differences } from './golden/compare.ts';
import { type Callers, fixtures } from './golden/fixtures.ts';
import { record } from './support/recording.ts';
import { startTestServer, type TestServer } from './support/server.ts';

const declared = new Set(allOperations.map(({ id }) => id));
const cases = goldenCases(declared);

let server: TestServer;
/** The documented example of connector_create was made by a server with this default. */
let otherMode: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
    // The server of the documented examples, whose own image an integrator may name.
    SLIPWAY_CONTAINER_API_IMAGE: 'test.domain.docker/test/container-api-image:1.0.0',
  });
  otherMode = await startTestServer({ SLIPWAY_DEFAULT_EXECUTION_MODE: 'as-command-options' });
});

async function makeCallers(target: TestServer): Promise<Callers> {
  const member = await target.makeUser();
  return {
    member,
    viewer: await target.makeUser({ role: 'viewer' }),
    foreign: await target.makeUser(),
    admin: await target.makeUser({ role: 'admin' }),
    'no-scope': await target.makeUser({ scopes: [] }),
  };
}

test('every documented operation that is declared has golden examples', () => {
  const documented = allOperations.filter(({ tag }) => tag === 'documented').map(({ id }) => id);
  const covered = new Set(cases.map(({ operation }) => operation));
  expect(documented.filter((id) => !covered.has(id))).toEqual([]);
  expect(cases.length).toBeGreaterThan(90);
});

describe.each(cases)('$file', (golden) => {
  test(`answers ${golden.status}`, async () => {
    const target = golden.file === 'connector_create.201.json' ? otherMode : server;
    const callers = await makeCallers(target);
    const fixture = fixtures[golden.operation];
    if (!fixture) throw new Error(`No fixture for ${golden.operation}.`);
    const { params, request = golden.request } = await fixture(target, callers, golden);
    const path = golden.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = params[name];
      if (value === undefined) throw new Error(`The fixture of ${golden.operation} gives no ${name}.`);
      return value;
    });
    const query = golden.query ? `?${new URLSearchParams(golden.query)}` : '';
    const answer = await target.request(golden.method, path + query, {
      token: golden.caller === 'anonymous' ? undefined : callers[golden.caller].token,
      body: isForm(request) ? formOf(request.multipart) : request,
    });
    expect(answer.status, answer.text).toBe(golden.status);
    if (golden.response === null) expect(answer.text).toBe('');
    else expect(differences(answer.body, golden.response, golden.volatile)).toEqual([]);
    record({ kind: 'golden', operation: golden.operation, example: golden.file });
  });
});

/** Files of a form: name of the part → content. */
const isForm = (request: unknown): request is { multipart: Record<string, string> } =>
  typeof request === 'object' && request !== null && 'multipart' in request;

function formOf(parts: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, content] of Object.entries(parts)) form.set(name, new Blob([content]), `${name}.svg`);
  return form;
}
