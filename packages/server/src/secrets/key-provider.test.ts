import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeyProvider } from './key-provider.ts';
import { type KeyProvider, localKey } from './wrapping-key.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-keys-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const fromFile = () =>
  createKeyProvider({ keyProvider: 'file', masterKey: null, secondMasterKey: null, home });
const fromEnvironment = (masterKey: string | null, secondMasterKey: string | null = null) =>
  createKeyProvider({ keyProvider: 'env', masterKey, secondMasterKey, home });
const idOf = async (provider: KeyProvider) => (await provider.current()).id;
const keyFile = () => join(home, 'keys', 'master.key');

describe('the key file', () => {
  test('is made once, with 32 bytes that the server alone may read', async () => {
    const first = await fromFile();
    const key = await readFile(keyFile());
    expect(key).toHaveLength(32);
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'keys'))).mode & 0o777).toBe(0o700);
    const second = await fromFile();
    expect(await idOf(second)).toBe(await idOf(first));
    expect(await readFile(keyFile())).toEqual(key);
  });

  test('is one, however many servers start at once', async () => {
    const providers = await Promise.all(Array.from({ length: 20 }, fromFile));
    expect(new Set(await Promise.all(providers.map(idOf))).size).toBe(1);
    expect(await readdir(join(home, 'keys'))).toEqual(['master.key']);
  });

  test('is refused when others may read it, with what to do', async () => {
    await fromFile();
    await chmod(keyFile(), 0o640);
    await expect(fromFile()).rejects.toThrow(
      `${keyFile()} may be read by others: run \`chmod 600 ${keyFile()}\`.`,
    );
  });

  test('is refused when it is no key, and never replaced', async () => {
    await mkdir(join(home, 'keys'));
    await writeFile(keyFile(), 'short', { mode: 0o600 });
    await expect(fromFile()).rejects.toThrow(`${keyFile()} is no key (32 bytes)`);
    expect(await readFile(keyFile(), 'utf8')).toBe('short');
  });
});

describe('a key from the environment', () => {
  test('is the same key as that file', async () => {
    const provider = await fromFile();
    const text = (await readFile(keyFile())).toString('base64');
    expect(await idOf(await fromEnvironment(text))).toBe(await idOf(provider));
  });

  test.each([null, '', 'c2hvcnQ=', randomBytes(33).toString('base64')])('%j is refused', async (text) => {
    await expect(fromEnvironment(text)).rejects.toThrow('SLIPWAY_MASTER_KEY must be 32 bytes in base64');
  });
});

test('a wrapped key opens with the same key and context only', async () => {
  const [one, other] = [localKey(randomBytes(32)), localKey(randomBytes(32))];
  const context = Buffer.from('context');
  const dataKey = randomBytes(32);
  const wrapped = await one.wrap(dataKey, context);
  expect(await one.unwrap(wrapped, context)).toEqual(dataKey);
  expect(await one.unwrap(wrapped, Buffer.from('another'))).toBeNull();
  expect(await other.unwrap(wrapped, context)).toBeNull();
  expect(await one.unwrap(wrapped.subarray(0, 20), context)).toBeNull();
  expect(one.id).not.toBe(other.id);
});

test('the name of a key is made of it, and tells nothing of it', () => {
  const key = Buffer.alloc(32, 7);
  expect(localKey(key).id).toMatch(/^[0-9a-f]{16}$/);
  expect(key.toString('hex')).not.toContain(localKey(key).id);
  expect(localKey(Buffer.from(key)).id).toBe(localKey(key).id);
});
