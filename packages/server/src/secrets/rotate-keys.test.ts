import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import { runMain, startMain } from '../../test/support/main.ts';
import { type Connection, connect } from '../database/connect.ts';
import { replaceKey } from './key-file.ts';
import type { KeySettings } from './key-provider.ts';
import { rotateKeys } from './rotate-keys.ts';
import { openVault } from './sealed-vault.ts';
import type { Vault } from './vault.ts';
import { localKey } from './wrapping-key.ts';

let home: string;
let url: string;
let connection: Connection;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-rotate-'));
  ({ url } = await createTestDatabase());
  connection = connect(url);
});
afterEach(async () => {
  await connection.close();
  await rm(home, { recursive: true, force: true });
});

const inFile = (): KeySettings => ({ keyProvider: 'file', masterKey: null, secondMasterKey: null, home });
const inEnvironment = (masterKey: string, secondMasterKey: string | null = null): KeySettings => ({
  keyProvider: 'env',
  masterKey,
  secondMasterKey,
  home,
});
const newKey = () => randomBytes(32).toString('base64');
const idOf = (key: string) => localKey(Buffer.from(key, 'base64')).id;
const putAll = (vault: Vault, values: readonly string[]) =>
  connection.db.transaction().execute((work) => vault.putAll(work, 'secret', values));
const put = async (vault: Vault, value: string) => (await putAll(vault, [value]))[0] as string;
const rotate = (settings: KeySettings) => rotateKeys(connection.db, settings);
const rows = async () =>
  (
    await sql<{ id: string; key_id: string; sealed: string; wrapped: string }>`
      SELECT id, key_id, encode(sealed, 'hex') AS sealed, encode(wrapped_key, 'hex') AS wrapped
      FROM vault_entries ORDER BY id`.execute(connection.db)
  ).rows;
const files = async () => (await readdir(join(home, 'keys'), { recursive: true })).sort();
/** Every value opens for a server that starts now, and is what it was. */
async function expectAll(settings: KeySettings, values: ReadonlyMap<string, string>): Promise<void> {
  const vault = await openVault(settings);
  expect(await vault.openAll(connection.db, [...values.keys()])).toEqual(values);
}

describe('the key file', () => {
  test('changes while a server runs, and data keys alone are wrapped anew', async () => {
    const running = await openVault(inFile());
    const texts = Array.from({ length: 1203 }, (_, index) => `value ${index}`);
    const ids = await putAll(running, texts);
    const before = await rows();
    const old = await readFile(join(home, 'keys', 'master.key'));

    const rotation = await rotate(inFile());
    expect(rotation).toMatchObject({ resumed: false, rewrapped: 1203, damaged: 0, unreachable: new Map() });
    const after = await rows();
    expect(after.map(({ sealed }) => sealed)).toEqual(before.map(({ sealed }) => sealed));
    expect(new Set(after.map(({ key_id }) => key_id))).toEqual(new Set([rotation.key]));
    expect(after.filter(({ wrapped }, index) => wrapped === before[index]?.wrapped)).toEqual([]);
    expect(await files()).toEqual(['master.key']);
    const file = join(home, 'keys', 'master.key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file)).not.toEqual(old);

    // The server that was there before reads and writes on.
    const values = new Map(ids.map((id, index) => [id, texts[index] as string]));
    expect(await running.openAll(connection.db, ids)).toEqual(values);
    const later = await put(running, 'later');
    values.set(later, 'later');
    expect((await rows()).at(-1)?.key_id).toBe(rotation.key);
    await expectAll(inFile(), values);

    // The former key opens nothing any more.
    await writeFile(file, old);
    const [first] = ids as [string];
    await expect((await openVault(inFile())).open(connection.db, first)).rejects.toThrow(
      `was sealed with the key ${rotation.key}, and this server has the key`,
    );
  });

  test('is told about in the audit trail', async () => {
    await put(await openVault(inFile()), 'value');
    const former = (await rows())[0]?.key_id;
    const { key } = await rotate(inFile());
    const { rows: events } = await sql`
      SELECT action, actor_kind, entity_id, changes FROM audit_events`.execute(connection.db);
    expect(events).toEqual([
      {
        action: 'system.rotate-keys',
        actor_kind: 'system',
        entity_id: key,
        changes: [{ path: 'key', from: former, to: key }],
      },
    ]);
  });

  test('waits for values that are being stored', async () => {
    const running = await openVault(inFile());
    const first = await put(running, 'first');
    let second = '';
    let rotated: Promise<unknown> | undefined;
    await connection.db.transaction().execute(async (work) => {
      second = await running.put(work, 'secret', 'second');
      rotated = rotate(inFile());
      // It gets as far as the transaction lets it: the new file is there, the old key still opens.
      while (!(await files()).includes('former')) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await files()).filter((name) => name.startsWith('former/'))).toHaveLength(1);
    });
    await rotated;
    await expectAll(
      inFile(),
      new Map([
        [first, 'first'],
        [second, 'second'],
      ]),
    );
  });

  test('is changed by one command at a time', async () => {
    await put(await openVault(inFile()), 'value');
    const both = await Promise.allSettled([rotate(inFile()), rotate(inFile())]);
    const reasons = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.message] : []));
    expect(reasons).toEqual(['Another rotation of the keys is under way.']);
  });

  test('whose change was interrupted is not changed once more before that is finished', async () => {
    const id = await put(await openVault(inFile()), 'value');
    await replaceKey(join(home, 'keys'));
    const key = await readFile(join(home, 'keys', 'master.key'));
    await expectAll(inFile(), new Map([[id, 'value']]));
    expect(await rotate(inFile())).toMatchObject({ resumed: true, rewrapped: 1 });
    expect(await readFile(join(home, 'keys', 'master.key'))).toEqual(key);
    expect(await files()).toEqual(['master.key']);
    expect(await rotate(inFile())).toMatchObject({ resumed: false, rewrapped: 1 });
  });

  test('survives kill -9 at any moment, with a server that writes all the time', {
    timeout: 240_000,
  }, async () => {
    const running = await openVault(inFile());
    const texts = Array.from({ length: 12_000 }, (_, index) => `value ${index}`);
    const ids = await putAll(running, texts);
    const values = new Map(ids.map((id, index) => [id, texts[index] as string]));
    let going = true;
    const writing = (async () => {
      for (let count = 0; going; count += 1) {
        values.set(await put(running, `written ${count}`), `written ${count}`);
        await running.open(connection.db, ids[count % ids.length] as string);
      }
    })();
    const settings = { SLIPWAY_HOME: home, SLIPWAY_DATABASE_URL: url };
    const first = (await rows())[0]?.key_id as string;
    const left = async () =>
      Number(
        (
          await sql<{ count: number }>`
            SELECT count(*)::int AS count FROM vault_entries WHERE key_id = ${first}`.execute(connection.db)
        ).rows[0]?.count,
      );
    const begun = async () => (await files()).length > 1;
    const moments: (() => Promise<boolean>)[] = [
      begun,
      async () => (await left()) < 11_500,
      async () => (await left()) < 6000,
      ...Array.from({ length: 5 }, () => {
        const at = Date.now() + 300 + Math.random() * 900;
        return async () => Date.now() > at;
      }),
    ];
    for (const moment of moments) {
      const child = startMain(['keys', 'rotate'], settings);
      while (child.exitCode === null && child.signalCode === null && !(await moment())) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve));
      }
      await expectAll(inFile(), new Map([...values].slice(0, 200)));
    }
    const last = await runMain(['keys', 'rotate'], settings);
    expect(last).toMatchObject({ code: 0, stderr: '' });
    going = false;
    await writing;
    expect(await left()).toBe(0);
    expect(await files()).toEqual(['master.key']);
    expect(values.size).toBeGreaterThan(12_000);
    await expectAll(inFile(), values);
  });
});

describe('keys from the environment', () => {
  test('change by a second one that opens what it wrapped', async () => {
    const [old, fresh] = [newKey(), newKey()];
    const stale = await openVault(inEnvironment(old));
    const id = await put(stale, 'value');
    // Servers that have both read and write before the rotation and after it.
    const running = await openVault(inEnvironment(fresh, old));
    const second = await put(running, 'second');
    expect(await rotate(inEnvironment(fresh, old))).toMatchObject({ key: idOf(fresh), rewrapped: 1 });
    await expectAll(
      inEnvironment(fresh),
      new Map([
        [id, 'value'],
        [second, 'second'],
      ]),
    );
    await expect(put(stale, 'lost')).rejects.toThrow(
      `This server seals values with the key ${idOf(old)}, which was replaced by the key ${idOf(fresh)}. Start it with that one.`,
    );
    await expect(rotate(inEnvironment(old))).rejects.toThrow('which was replaced by the key');
    // Undone: the former key is good again, and the other one is not.
    expect(await rotate(inEnvironment(old, fresh))).toMatchObject({ key: idOf(old), rewrapped: 2 });
    await expectAll(inEnvironment(old), new Map([[id, 'value']]));
    await expect(put(running, 'lost')).rejects.toThrow('Start it with that one.');
  });

  test('that are missing leave their values as they are, and say so', async () => {
    const [lost, present] = [newKey(), newKey()];
    const id = await put(await openVault(inEnvironment(lost)), 'value');
    await put(await openVault(inEnvironment(present)), 'other');
    const { code, stdout } = await runMain(['keys', 'rotate'], {
      SLIPWAY_HOME: home,
      SLIPWAY_DATABASE_URL: url,
      SLIPWAY_KEY_PROVIDER: 'env',
      SLIPWAY_MASTER_KEY: present,
    });
    expect(code).toBe(1);
    expect(stdout).toBe(
      `Stored values are under the key ${idOf(present)}; 0 of them were under another one before.\n` +
        'To change the key, set SLIPWAY_MASTER_KEY to the new one and SLIPWAY_SECOND_MASTER_KEY to the present one.\n' +
        `1 stored values are under the key ${idOf(lost)}, which is not here; they stay as they are.\n`,
    );
    await expectAll(inEnvironment(lost), new Map([[id, 'value']]));
  });

  test('may be that of the file, and another one later', async () => {
    const id = await put(await openVault(inFile()), 'value');
    const same = (await readFile(join(home, 'keys', 'master.key'))).toString('base64');
    await expectAll(inEnvironment(same), new Map([[id, 'value']]));
    const fresh = newKey();
    await rotate(inEnvironment(fresh, same));
    await expectAll(inEnvironment(fresh), new Map([[id, 'value']]));
  });
});

test('rows that were changed are left alone and counted', async () => {
  const vault = await openVault(inFile());
  const [good, bad] = (await putAll(vault, ['good', 'bad'])) as [string, string];
  await sql`
    UPDATE vault_entries SET wrapped_key = set_byte(wrapped_key, 13, get_byte(wrapped_key, 13) # 1)
    WHERE id = ${bad}`.execute(connection.db);
  const { code, stdout } = await runMain(['keys', 'rotate'], {
    SLIPWAY_HOME: home,
    SLIPWAY_DATABASE_URL: url,
  });
  expect(code).toBe(1);
  expect(stdout).toContain('1 of them were under another one before.');
  expect(stdout).toContain('1 stored values do not open: their rows were changed. Enter them again.');
  await expectAll(inFile(), new Map([[good, 'good']]));
});

test('a key file that is gone stops the server that uses it, with what to do', async () => {
  const vault = await openVault(inFile());
  await rm(join(home, 'keys', 'master.key'));
  await expect(put(vault, 'value')).rejects.toThrow(
    `${join(home, 'keys', 'master.key')} is missing: put it back, for example from your backup.`,
  );
  await mkdir(join(home, 'keys'), { recursive: true });
  await writeFile(join(home, 'keys', 'master.key'), 'short', { mode: 0o600 });
  await expect(put(vault, 'value')).rejects.toThrow('is no key (32 bytes)');
});
