import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyFolder } from '../src/process/bundle-store.ts';
import { temporaryFolder } from './support.ts';

// With an empty PATH there is no cp(1), and Node copies.
test.each([
  ['cp', process.env.PATH!],
  ['Node', '/nowhere'],
])('a folder is copied as it is by %s', async (_, path) => {
  const root = temporaryFolder();
  const [from, to] = [join(root, '-from'), join(root, 'to')];
  mkdirSync(join(from, 'a/b'), { recursive: true });
  writeFileSync(join(from, 'a/b/-x'), 'text', { mode: 0o755 });
  symlinkSync('/etc/../etc/hostname', join(from, 'link'));
  symlinkSync('nowhere', join(from, 'dangling'));
  await copyFolder(from, to, path);
  expect(readFileSync(join(to, 'a/b/-x'), 'utf8')).toBe('text');
  expect(statSync(join(to, 'a/b/-x')).mode & 0o777).toBe(0o755);
  expect(readlinkSync(join(to, 'link'))).toBe('/etc/../etc/hostname');
  expect(lstatSync(join(to, 'dangling')).isSymbolicLink()).toBe(true);
  writeFileSync(join(to, 'a/b/-x'), 'changed');
  expect(readFileSync(join(from, 'a/b/-x'), 'utf8')).toBe('text');
});
