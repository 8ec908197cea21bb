import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { BOTH_ENGINES, temporaryFolder } from './support.ts';

/** The user `nobody` of every Linux. */
const NOBODY = 65_534;

test
  .runIf(process.getuid?.() === 0)
  .each(BOTH_ENGINES.flatMap((name) => [[name, 'open'] as const, [name, 'none'] as const]))(
  'engine %s works for an ordinary user too, with network %s',
  async (name, mode) => {
    const root = temporaryFolder();
    chmodSync(root, 0o777);
    const script = fileURLToPath(new URL('./run-once.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, root, name, mode], {
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: root },
    });
    expect(JSON.parse(stdout)).toEqual({
      failure: null,
      lines: [
        {
          level: 'info',
          source: 'stdout',
          message: `200 ${name === 'sandbox' && mode === 'none' ? 0 : NOBODY}`,
        },
      ],
      calls: [expect.stringMatching(/^GET (http:\/\/cde-container-api)?\/x$/)],
    });
  },
);
