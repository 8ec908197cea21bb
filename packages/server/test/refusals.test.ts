import { allOperations, type Operation, type Refusal, versionStates } from '@slipway/contract';
import type { Updateable } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ConnectorVersions } from '../src/database/schema.ts';
import { newId } from '../src/ids.ts';
import { isInFlight } from '../src/versions/transitions.ts';
import type { Base } from './fields/attempt.ts';
import { baseRequestOf } from './fields/base-requests.ts';
import { send } from './fields/send.ts';
import { makeWorld, type World } from './fields/world.ts';
import { recordAnswer } from './support/recording.ts';

/**
 * The refusals that many operations share, on every operation that declares them: what is addressed does not exist, the
 * version's state forbids it, the version is in production, the connector is of another type. Each is read to the letter.
 */

let world: World;

beforeAll(async () => {
  world = await makeWorld();
}, 120_000);

const declaring = (matches: (refusal: Refusal) => boolean): [string, Operation, Refusal][] =>
  allOperations.flatMap((operation) =>
    (operation.refusals ?? [])
      .filter(matches)
      .map((refusal): [string, Operation, Refusal] => [operation.id, operation, refusal]),
  );

async function baseOf(operation: Operation): Promise<Base> {
  const base = await baseRequestOf(operation, world);
  if (!base) throw new Error(`${operation.id} needs a row in packages/server/test/fields/base-requests.ts.`);
  return base;
}

async function answerOf(operation: Operation, base: Base, change: Parameters<typeof send>[2] = {}) {
  const { status, body } = await send(operation, base, change, world);
  recordAnswer(operation.method, operation.path, status, body);
  return [status, body];
}

/** A value of the right form that addresses nothing. */
function absent(parameter: string, present: string): string {
  if (/version$/i.test(parameter)) return '999';
  if (/^[0-9a-f-]{36}$/.test(present)) return newId();
  return /^\d+$/.test(present) ? '2147483647' : `${present}-none`;
}

/** What no path leads to: it is named by the body or the query, or a part of what is there. Tested beside their verbs. */
const otherwise: Record<string, readonly string[]> = {
  connector_version_remove_logo: ['Logo not found.'],
  connector_bucket_create_link: ['Bucket not found.'],
  connector_version_show_latest_state: ['Last state was not found based on query parameters.'],
  update_metadata_for_connector: ['Connector does not have metadata saved.'],
  show_metadata_for_connector: ['Connector does not have metadata saved.'],
  connector_build_trigger: ['Connector not found.', 'Connector version not found.'],
  run_create: ['Connector not found.', 'Connector version not found.'],
  run_replay: ['Connector not found.', 'Connector version not found.'],
  demo_remove: ['Demo not found.'],
  container_api_openapi: ['Container API version not found.'],
};

const addressed = new Map(
  declaring(({ status }) => status === 404).map(([id, operation]) => [id, operation]),
);

describe.each([...addressed])('%s', (id, operation) => {
  test('names what does not exist', async () => {
    const base = await baseOf(operation);
    const told = new Set<string>();
    const declared = (operation.refusals ?? [])
      .filter(({ status, body }) => status === 404 && !otherwise[id]?.includes(body.message))
      .map(({ body }) => body.message);
    for (const [name, value] of Object.entries(base.params ?? {})) {
      if (!operation.path.includes(`{${name}}`)) continue;
      const [status, body] = await answerOf(operation, base, {
        params: { [name]: absent(name, value) },
      });
      if (status !== 404) continue;
      expect(Object.keys(body)).toEqual(['message']);
      expect(declared).toContain(body.message);
      told.add(body.message);
    }
    expect([...told].sort()).toEqual([...new Set(declared)].sort());
  });
});

const isTransition = ({ body }: Refusal) => body.message.startsWith('Transition is not allowed');
const isProduction = ({ body }: Refusal) => body.message.startsWith('The version is in use in production');
const typeText = ({ body }: Refusal): string | undefined =>
  Object.values(body.errors ?? {}).find((text) => /^This operation is not available/.test(text));

const setVersion = async (base: Base, columns: Updateable<ConnectorVersions>): Promise<void> => {
  const { publicId, movedToBinPublicId } = base.params ?? {};
  await world.server.server.services.db
    .updateTable('connector_versions')
    .set(columns)
    .where('connector_id', '=', (publicId ?? movedToBinPublicId ?? base.body?.connector) as string)
    .execute();
};

describe.each(declaring(isTransition))('%s', (_id, operation) => {
  test.each(versionStates.filter(isInFlight))('is not allowed while the version is %s', async (state) => {
    const base = await baseOf(operation);
    await setVersion(base, { state });
    expect(await answerOf(operation, base)).toEqual([
      400,
      { message: `Transition is not allowed, entity is ${state}.`, errors: [] },
    ]);
  });
});

describe.each(declaring(isProduction))('%s', (_id, operation, { body }) => {
  test.each([{ released: true }, { enabled_for_sites: [1] }, { enabled_for_accounts: [1] }])(
    'is not allowed in production: %o',
    async (columns) => {
      const base = await baseOf(operation);
      await setVersion(base, { ...columns, state: 'synchronized-to-prod' });
      expect(await answerOf(operation, base)).toEqual([400, body]);
    },
  );
});

// Where the path names the connector; others look at the one in their body.
const typed = declaring((refusal) => typeText(refusal) !== undefined).filter(([, { path }]) =>
  path.includes('{publicId}'),
);

describe.each(typed)('%s', (_id, operation, refusal) => {
  test('is not for every type of connector', async () => {
    const type = /of type ([\w-]+)\.$/.exec(typeText(refusal) ?? '')?.[1] as string;
    const base = await baseOf(operation);
    await world.server.server.services.db
      .updateTable('connectors')
      .set({ type })
      .where('id', '=', base.params?.publicId as string)
      .execute();
    expect(await answerOf(operation, base)).toEqual([400, refusal.body]);
  });
});
