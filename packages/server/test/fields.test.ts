import { allOperations, type Operation } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Attempt, Base } from './fields/attempt.ts';
import { attemptsOf, isOneShot } from './fields/attempts.ts';
import { baseRequestOf } from './fields/base-requests.ts';
import { faultOf } from './fields/judge.ts';
import { send } from './fields/send.ts';
import { makeWorld, type World } from './fields/world.ts';
import { record, recordAnswer } from './support/recording.ts';

/**
 * Every field of every operation is given what it must not have: wrong types, nothing, too much, strange characters,
 * unknown keys. Each answer is either a refusal of the documented form, with the text that the declaration leads to, or
 * a success where the value is legal after all.
 */

let world: World;

beforeAll(async () => {
  world = await makeWorld();
}, 120_000);

describe.each(allOperations.map((operation) => [operation.id, operation] as const))(
  '%s',
  (_id, operation) => {
    test('refuses bad input field by field', { timeout: 120_000 }, async () => {
      const base = await baseOf(operation);
      const attempts = attemptsOf(operation, base);
      expect(await faultsOf(operation, base, attempts)).toEqual([]);
      // What is refused has changed nothing; where something may have been granted, the next one is as good.
      const again = operation.method === 'GET' || isOneShot(operation, base) ? base : await baseOf(operation);
      const granted = await send(operation, again, {}, world);
      expect(granted.status, `the valid request: ${granted.text}`).toBeGreaterThanOrEqual(200);
      expect(granted.status, `the valid request: ${granted.text}`).toBeLessThan(300);
      expect((await world.server.request('GET', '/health/ready')).status).toBe(200);
      const fields = new Set(attempts.map(({ field }) => field)).size;
      record({ kind: 'fields', operation: operation.id, fields, requests: attempts.length });
    });
  },
);

async function baseOf(operation: Operation): Promise<Base> {
  const base = await baseRequestOf(operation, world);
  if (base) return base;
  throw new Error(
    `${operation.id} has no valid request to start from: add a row to packages/server/test/fields/base-requests.ts.`,
  );
}

/** Eight requests at a time, as keep-alive connections. */
async function faultsOf(operation: Operation, base: Base, attempts: readonly Attempt[]): Promise<string[]> {
  const faults: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let attempt = attempts[next++]; attempt; attempt = attempts[next++]) {
      const received = await send(operation, base, attempt, world);
      const fault = faultOf(operation, attempt.expected, received);
      // Those whose text was compared.
      if (attempt.expected.kind === 'field')
        recordAnswer(operation.method, operation.path, received.status, received.body);
      if (fault !== null) faults.push(`${attempt.field} = ${attempt.value}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return faults;
}
