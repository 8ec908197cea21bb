import { allOperations, type Operation } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Attempt, Base } from './fields/attempt.ts';
import { attemptsOf, isOneShot } from './fields/attempts.ts';
import { baseRequestOf } from './fields/base-requests.ts';
import { faultOf } from './fields/judge.ts';
import { send } from './fields/send.ts';
import { makeWorld, type World } from './fields/world.ts';

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
      expect(await faultsOf(operation, base, attemptsOf(operation, base))).toEqual([]);
      // What is refused has changed nothing; where something may have been granted, the next one is as good.
      const again = operation.method === 'GET' || isOneShot(operation, base) ? base : await baseOf(operation);
      const granted = await send(operation, again, {}, world);
      expect(granted.status, `the valid request: ${granted.text}`).toBeGreaterThanOrEqual(200);
      expect(granted.status, `the valid request: ${granted.text}`).toBeLessThan(300);
      expect((await world.server.request('GET', '/health/ready')).status).toBe(200);
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
      const fault = faultOf(operation, attempt.expected, await send(operation, base, attempt, world));
      if (fault !== null) faults.push(`${attempt.field} = ${attempt.value}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return faults;
}
