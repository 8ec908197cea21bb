import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import { connect } from '../database/connect.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import { keysInMemory } from './key-provider.ts';
import { createSealedVault } from './sealed-vault.ts';
import { type Vault, VaultError } from './vault.ts';
import { localKey } from './wrapping-key.ts';

const { url } = await createTestDatabase();
const { db, close } = connect(url);
afterAll(close);

const key = randomBytes(32);
const vault = createSealedVault(keysInMemory(localKey(key)));
const inWork = <T>(work: (db: Work) => Promise<T>): Promise<T> => db.transaction().execute(work);
const put = (value: string, purpose: Parameters<Vault['put']>[1] = 'secret') =>
  inWork((work) => vault.put(work, purpose, value));

const problemOf = (opening: Promise<unknown>): Promise<{ problem: string; message: string }> =>
  opening.then(
    () => expect.unreachable('it opened'),
    (error) => {
      expect(error).toBeInstanceOf(VaultError);
      return error;
    },
  );

/** The whole table as text, binary columns in hex, as a dump shows them. */
async function dump(): Promise<string> {
  const { rows } = await sql<{ row: string }>`SELECT e::text AS row FROM vault_entries e`.execute(db);
  return rows.map(({ row }) => row).join('\n');
}

const copy = (from: string, to: string, columns: readonly string[]) =>
  sql`UPDATE vault_entries SET ${sql.join(
    columns.map(
      (column) => sql`${sql.ref(column)} = (SELECT ${sql.ref(column)} FROM vault_entries WHERE id = ${from})`,
    ),
  )} WHERE id = ${to}`.execute(db);

describe('values', () => {
  test.each(['canary', '', 'ünï\u0000code 🛳\r\n', 'x'.repeat(65_536)])(
    'come back as they were',
    async (value) => {
      expect(await vault.open(db, await put(value))).toBe(value);
    },
  );

  test('come back by their ids, several at once', async () => {
    const ids = await inWork((work) => vault.putAll(work, 'form-value', ['one', 'two', 'three']));
    expect(await vault.openAll(db, [...ids].reverse())).toEqual(
      new Map([
        [ids[0], 'one'],
        [ids[1], 'two'],
        [ids[2], 'three'],
      ]),
    );
    expect(await vault.openAll(db, [])).toEqual(new Map());
    expect(await inWork((work) => vault.putAll(work, 'secret', []))).toEqual([]);
  });

  test('stand nowhere in a dump of the table: not plain, not in base64, not in hex', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    await put(canary);
    await put(`before ${canary} behind`, 'vcs-token');
    const table = await dump();
    expect(table).not.toContain(canary);
    expect(table).not.toContain(Buffer.from(canary).toString('hex'));
    const base64 = Buffer.from(
      table
        .matchAll(/\\x([0-9a-f]+)/g)
        .map(([, hex]) => hex)
        .toArray()
        .join(''),
      'hex',
    );
    expect(base64.includes(canary)).toBe(false);
    expect(base64.includes(Buffer.from(canary).toString('base64').replace(/=*$/, '').slice(0, -1))).toBe(
      false,
    );
    expect(table).not.toContain(key.toString('hex'));
  });

  test('of the same text never look the same', async () => {
    await Promise.all([put('twice'), put('twice')]);
    const { rows } = await sql<{ distinct: number; all: number }>`
      SELECT count(DISTINCT sealed) + count(DISTINCT wrapped_key) AS distinct, 2 * count(*) AS all
      FROM vault_entries`.execute(db);
    expect(rows[0]?.distinct).toBe(rows[0]?.all);
  });

  test('are gone with their rows', async () => {
    const [one, two] = await inWork((work) => vault.putAll(work, 'secret', ['one', 'two']));
    await inWork((work) => vault.remove(work, one as string, two as string));
    await inWork((work) => vault.remove(work));
    const { problem, message } = await problemOf(vault.open(db, one as string));
    expect(problem).toBe('missing');
    expect(message).toBe(`The stored value ${one} is gone; enter it again.`);
  });

  test('of a transaction that is undone are not there', async () => {
    let id = '';
    await expect(
      inWork(async (work) => {
        id = await vault.put(work, 'secret', 'never');
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    expect((await problemOf(vault.open(db, id))).problem).toBe('missing');
  });
});

describe('a row that was changed does not open', () => {
  test.each(['wrapped_key', 'sealed'])('one bit of %s', async (column) => {
    for (const position of [0, 13, 30]) {
      const id = await put('value');
      await sql`
        UPDATE vault_entries SET ${sql.ref(column)} =
          set_byte(${sql.ref(column)}, ${position}, get_byte(${sql.ref(column)}, ${position}) # 1)
        WHERE id = ${id}`.execute(db);
      const { problem, message } = await problemOf(vault.open(db, id));
      expect(problem).toBe('damaged');
      expect(message).toBe(
        `The stored value ${id} (secret) does not open: its row was changed or copied from another one. Enter the value again.`,
      );
    }
  });

  test('its end cut off', async () => {
    const id = await put('value');
    await sql`UPDATE vault_entries SET sealed = substring(sealed FOR 20) WHERE id = ${id}`.execute(db);
    expect((await problemOf(vault.open(db, id))).problem).toBe('damaged');
  });

  test('another purpose', async () => {
    const id = await put('value', 'vcs-token');
    await sql`UPDATE vault_entries SET purpose = 'secret' WHERE id = ${id}`.execute(db);
    expect((await problemOf(vault.open(db, id))).problem).toBe('damaged');
  });

  test.each([[['sealed']], [['wrapped_key', 'sealed']], [['purpose', 'key_id', 'wrapped_key', 'sealed']]])(
    '%j copied from another row',
    async (columns) => {
      const [theirs, mine] = [await put('theirs'), await put('mine')];
      await copy(theirs, mine, columns);
      expect((await problemOf(vault.open(db, mine))).problem).toBe('damaged');
      expect(await vault.open(db, theirs)).toBe('theirs');
    },
  );

  test('one among several fails them all', async () => {
    const [good, bad] = [await put('good'), await put('bad')];
    await copy(good, bad, ['sealed']);
    expect((await problemOf(vault.openAll(db, [good, bad]))).problem).toBe('damaged');
  });
});

test('the wrong key says which one is missing, and where it belongs', async () => {
  const id = await put('value');
  const other = localKey(randomBytes(32));
  const { problem, message } = await problemOf(createSealedVault(keysInMemory(other)).open(db, id));
  expect(problem).toBe('wrong-key');
  expect(message).toBe(
    `The stored value ${id} was sealed with the key ${localKey(key).id}, and this server has the key ${other.id}. ` +
      'Put the former key back (keys/master.key in the home folder, or SLIPWAY_MASTER_KEY), or enter the value again.',
  );
});

describe('the use of a value', () => {
  const lastUse = async (id: string): Promise<Date | null | undefined> =>
    (await db.selectFrom('vault_entries').select('last_used_at').where('id', '=', id).executeTakeFirst())
      ?.last_used_at;

  test('is recorded, to the minute', async () => {
    const id = await put('value');
    expect(await lastUse(id)).toBeNull();
    await vault.open(db, id);
    const first = await lastUse(id);
    expect(first).toBeInstanceOf(Date);
    await vault.open(db, id);
    expect(await lastUse(id)).toEqual(first);
    await sql`UPDATE vault_entries SET last_used_at = now() - interval '2 minutes' WHERE id = ${id}`.execute(
      db,
    );
    await vault.open(db, id);
    expect((await lastUse(id))?.getTime()).toBeGreaterThanOrEqual(first?.getTime() as number);
  });

  test('waits for nobody who has the value open in a transaction', async () => {
    const ids = [await put('one'), await put('two')];
    await inWork(async (work) => {
      await vault.openAll(work, ids);
      expect(await vault.openAll(db, [...ids].reverse())).toHaveProperty('size', 2);
    });
  });
});

test('an id that is nowhere is missing', async () => {
  expect((await problemOf(vault.open(db, newId()))).problem).toBe('missing');
});
