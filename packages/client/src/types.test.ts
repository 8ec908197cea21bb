import { allOperations, parameterNames } from '@slipway/contract';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  type Call,
  type Client,
  createClient,
  type InputOf,
  type List,
  type LogEvent,
  type OperationName,
  type ResultOf,
} from './index.ts';

const client = createClient({ url: 'http://127.0.0.1:1' });

// Never called: the compiler reads it, and `npm run types` fails where one of these compiles that must not.
const calls = {
  paths: () => [
    client.connectorShow({ publicId: 'x' }),
    // @ts-expect-error: the path value is missing
    client.connectorShow({}),
    // @ts-expect-error: so is the whole input
    client.connectorShow(),
    // @ts-expect-error: it has another name
    client.connectorShow({ connectorId: 'x' }),
    // @ts-expect-error: it is a text
    client.connectorShow({ publicId: 7 }),
    client.connectorVersionShow({ publicId: 'x', connectorVersion: 'latest' }),
    client.connectorVersionShow({ publicId: 'x', connectorVersion: 1 }),
    // @ts-expect-error: a version is addressed by its major number
    client.connectorVersionShow({ publicId: 'x', connectorVersion: '1.0.0' }),
    // @ts-expect-error: sites have integer ids
    client.platformSiteShow({ siteId: '1' }),
  ],
  bodies: () => [
    client.connectorCreate({ body: { 'connector-type': 'export', 'connector-name': 'x' } }),
    // @ts-expect-error: the name is required
    client.connectorCreate({ body: { 'connector-type': 'export' } }),
    // @ts-expect-error: there is no such type
    client.connectorCreate({ body: { 'connector-type': 'import', 'connector-name': 'x' } }),
    // @ts-expect-error: a name is a text
    client.connectorCreate({ body: { 'connector-type': 'export', 'connector-name': 7 } }),
    client.connectorCreate({
      // @ts-expect-error: no such key
      body: { 'connector-type': 'export', 'connector-name': 'x', colour: 'red' },
    }),
    // @ts-expect-error: the body is missing
    client.connectorCreate(),
    // @ts-expect-error: this operation takes no body
    client.connectorRelease({ publicId: 'x', connectorVersion: 1, body: {} }),
    client.runCreate({ body: { connector: 'x', input: { rows: { input: [{ id: 1 }] } } } }),
    // @ts-expect-error: rows or a run
    client.runCreate({ body: { connector: 'x', input: { row: 1 } } }),
    client.connectorVersionUploadLogo({ publicId: 'x', connectorVersion: 1, file: new Blob([]) }),
    // @ts-expect-error: the file is missing
    client.connectorVersionUploadLogo({ publicId: 'x', connectorVersion: 1 }),
  ],
  queries: () => [
    client.connectorList(),
    client.connectorList({ query: { type: 'export', released: true, owners: ['x'], limit: 10 } }),
    // @ts-expect-error: there is no such type
    client.connectorList({ query: { type: 'import' } }),
    // @ts-expect-error: a boolean
    client.connectorList({ query: { released: 'yes' } }),
    // @ts-expect-error: no such filter
    client.connectorList({ query: { colour: 'red' } }),
    client.runLogs({ runId: 'x', query: { level: 'error', source: ['stdout', 'stderr'] } }),
    // @ts-expect-error: no such source
    client.runLogs({ runId: 'x', query: { source: ['connector'] } }),
    client.stateShow({ stateId: 'x' }, { signal: AbortSignal.abort(), ifMatch: '"x"' }),
    // @ts-expect-error: no such option
    client.stateShow({ stateId: 'x' }, { timeout: 1 }),
  ],
  streams: () => [
    client.runLogs({ runId: 'x' }).lines(),
    client.runLogs({ runId: 'x' }).follow(7),
    client.runOutput({ runId: 'x' }).lines(),
    // @ts-expect-error: rows are not followed
    client.runOutput({ runId: 'x' }).follow(),
    // @ts-expect-error: the rows of a run are not sent as CSV
    client.runOutput({ runId: 'x' }).download('text/csv'),
    client.platformDataShow({ siteId: 1 }).download('text/csv'),
    // @ts-expect-error: connectors are sent as pages alone
    client.connectorList().lines(),
    // @ts-expect-error: there is no such operation
    client.connectorListAll(),
  ],
};

describe('types', () => {
  test('what may not be sent does not compile', () => {
    expect(Object.keys(calls)).toEqual(['paths', 'bodies', 'queries', 'streams']);
  });

  test('answers have the type of their operation', () => {
    expectTypeOf<ResultOf<'connectorShow'>['versions'][number]['state']>().toExtend<string>();
    expectTypeOf<ResultOf<'connectorShow'>['type']>().toEqualTypeOf<
      | 'datasource'
      | 'export'
      | 'export-delta'
      | 'data-service'
      | 'download'
      | 'transform'
      | 'write'
      | 'upload'
    >();
    expectTypeOf(client.connectorShow).returns.toEqualTypeOf<Call<ResultOf<'connectorShow'>>>();
    expectTypeOf(client.connectorList).returns.toEqualTypeOf<List<ResultOf<'connectorList'>>>();
    expectTypeOf<ResultOf<'connectorBuildTrigger'>>().toEqualTypeOf<{ state: { uuid: string } }>();
    expectTypeOf<ResultOf<'connectorUnrelease'>>().toEqualTypeOf<undefined>();
    expectTypeOf<ResultOf<'runCancel'>>().toEqualTypeOf<string>();
    expectTypeOf<ResultOf<'logoShow'>>().toEqualTypeOf<Response>();
    expectTypeOf<ResultOf<'platformDataShow'>>().toEqualTypeOf<Record<string, string>>();
    const { follow } = client.runLogs({ runId: 'x' });
    expectTypeOf(follow).returns.toEqualTypeOf<
      AsyncGenerator<LogEvent<ResultOf<'runLogs'>>, void, undefined>
    >();
  });

  test('inputs have the type of their operation', () => {
    expectTypeOf<InputOf<'connectorShow'>>().toEqualTypeOf<{ publicId: string }>();
    expectTypeOf<InputOf<'connectorTransferOwnership'>>().toEqualTypeOf<{
      publicId: string;
      body: { new_owner: string; account?: number | null };
    }>();
    expectTypeOf<InputOf<'metrics'>>().toEqualTypeOf<Record<never, never>>();
  });

  test('there is a method for each declared operation, named as it', () => {
    const camel = (id: string) => id.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(Object.keys(client).sort()).toEqual(allOperations.map(({ id }) => camel(id)).sort());
    expectTypeOf<keyof Client>().toEqualTypeOf<OperationName>();
  });

  test('no path value is named like another part of an input', () => {
    const names = allOperations.flatMap(({ path }) => parameterNames(path));
    expect(names.filter((name) => ['query', 'body', 'file'].includes(name))).toEqual([]);
  });
});
