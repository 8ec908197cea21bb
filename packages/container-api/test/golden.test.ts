import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTRACT_EXAMPLES, EXAMPLES, hasContract, readCases } from './golden-case.ts';
import { play } from './golden-player.ts';

/** Operations that this sidecar has not yet: files, stores and their processes (container-api.md 5.10 to 5.16). */
const MISSING = /^\/(?:buckets|processes|storage|store)\//;
const cases = readCases();

describe('golden examples of the Container API', () => {
  test.for(cases.filter(({ path }) => !MISSING.test(path)))('$case', (golden) => play(golden));
});

test.for(cases.filter(({ path }) => MISSING.test(path)))(
  '$case: a missing operation is an unknown route',
  async (golden) => {
    const unknown = { message: 'Resource not found.' };
    const { method, path, setup } = golden;
    const connector = setup?.['connector-type'];
    await play({
      case: golden.case,
      ...(connector ? { setup: { 'connector-type': connector } } : {}),
      method,
      path,
      status: 404,
      response: unknown,
    });
  },
);

test.runIf(hasContract)('the examples are those of the contract', () => {
  const names = (root: string) => readdirSync(join(root, 'container-api')).sort();
  expect(names(EXAMPLES)).toEqual(names(CONTRACT_EXAMPLES));
  const files = ['flattening.json', ...names(EXAMPLES).map((name) => `container-api/${name}`)];
  for (const file of files) {
    expect(readFileSync(join(EXAMPLES, file), 'utf8'), file).toBe(
      readFileSync(join(CONTRACT_EXAMPLES, file), 'utf8'),
    );
  }
});
