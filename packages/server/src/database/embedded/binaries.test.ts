import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseAccount, mayRun } from './account.ts';
import { completeLinks, findBinaries, withFolder } from './binaries.ts';
import { reachableBinaries } from './place.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-binaries-'));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('links that the installation left out are made', async () => {
  const installed = await findBinaries();
  const copy = join(folder, 'package', 'native');
  await cp(installed.folder, copy, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink() && !path.includes('/share/'),
  });
  expect(await readdir(join(copy, 'lib'))).not.toContain('libpq.so.5');
  await completeLinks(join(folder, 'package'));
  expect(await mayRun(null, join(copy, 'bin', 'postgres'), copy)).toBe(true);
  expect((await readdir(join(copy, 'lib'))).sort()).toEqual(
    (await readdir(join(installed.folder, 'lib'))).sort(),
  );
});

describe.runIf(process.getuid?.() === 0)('started as root', () => {
  test("programs in a folder that only root enters are copied to where PostgreSQL's user may run them", async () => {
    const account = await chooseAccount(join(folder, 'none'), () => {});
    const installed = await findBinaries();
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await cp(installed.folder, join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
    await chmod(join(closed, 'native', 'bin', 'postgres'), 0o700);
    const there = withFolder(join(closed, 'native'), installed.release);

    const said: string[] = [];
    const outside = join(folder, 'outside');
    const used = await reachableBinaries(there, account, outside, (message) => said.push(message));
    expect(used.folder.startsWith(outside)).toBe(true);
    expect(await mayRun(account, used.postgres, used.initdb)).toBe(true);
    expect(said).toHaveLength(1);
    expect(await reachableBinaries(there, account, outside, (message) => said.push(message))).toEqual(used);
    expect(said).toHaveLength(1);
  });
});
