import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTRACT_EXAMPLES, EXAMPLES, hasContract, readCases, readPairs } from './golden-case.ts';
import { flatten, inProcess, play } from './golden-player.ts';

const cases = readCases();

describe('golden examples of the Container API', () => {
  test.for(cases)('$case', (golden) => play(golden, inProcess));
});

test('flattening pairs come out as the contract says', () => flatten(readPairs(), inProcess));

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
