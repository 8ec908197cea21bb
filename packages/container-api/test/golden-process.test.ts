import { afterEach, describe, test } from 'vitest';
import { readCases, readPairs } from './golden-case.ts';
import { flatten, play, standAlone } from './golden-player.ts';
import { endStandAlone } from './stand-alone.ts';

afterEach(endStandAlone);

describe('golden examples of the Container API, served by a process of its own', { timeout: 60_000 }, () => {
  test.for(readCases())('$case', (golden) => play(golden, standAlone));
});

test('flattening pairs come out as the contract says, from a process of its own', { timeout: 60_000 }, () =>
  flatten(readPairs(), standAlone),
);
