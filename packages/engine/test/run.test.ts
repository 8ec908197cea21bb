import { describe, expect, test } from 'vitest';
import { BOTH_ENGINES, buildFiles, makeEngine, run, temporaryFolder } from './support.ts';

describe.each(BOTH_ENGINES)('engine %s', (name) => {
  test('runs a command and captures both streams', async () => {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const digest = await buildFiles(engine, root, {
      'main.sh': '#!/bin/sh\necho out; echo err >&2; echo again > /dev/stderr\n',
    });
    const ran = await run(engine, root, digest, './main.sh');
    expect(ran.result).toMatchObject({ state: 'finished', exitCode: 0, failure: null });
    expect(ran.of('stdout')).toEqual(['out']);
    expect(ran.of('stderr')).toEqual(['err', 'again']);
  });
});
