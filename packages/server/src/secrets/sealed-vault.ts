import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import { keyBytes, seal, unseal } from './aead.ts';
import { createKeyProvider, type KeySettings } from './key-provider.ts';
import { type Purpose, type Vault, VaultError } from './vault.ts';
import type { KeyProvider, WrappingKey } from './wrapping-key.ts';

interface Entry {
  id: string;
  purpose: string;
  key_id: string;
  wrapped_key: Buffer;
  sealed: Buffer;
}

/** The vault under the key that the settings name. @throws when the key is missing; the message says what to do */
export const openVault = async (settings: KeySettings): Promise<Vault> =>
  createSealedVault(await createKeyProvider(settings));

/**
 * The vault on the table `vault_entries`: each value under a data key of its own (AES-256-GCM), the data key wrapped by
 * the key provider. Id and purpose of the row are part of both seals, so that a row's content opens in no other row.
 */
export function createSealedVault(keys: KeyProvider): Vault {
  return {
    put: async (db, purpose, value) => (await putAll(keys, db, purpose, [value]))[0] as string,
    putAll: (db, purpose, values) => putAll(keys, db, purpose, values),
    open: async (db, id) => (await openAll(keys, db, [id])).get(id) as string,
    openAll: (db, ids) => openAll(keys, db, ids),
    remove: async (db, ...ids) => {
      if (ids.length > 0) await db.deleteFrom('vault_entries').where('id', 'in', ids).execute();
    },
  };
}

async function putAll(
  keys: KeyProvider,
  db: Work,
  purpose: Purpose,
  values: readonly string[],
): Promise<string[]> {
  if (values.length === 0) return [];
  const key = await usableKey(keys, db);
  const entries = await Promise.all(values.map((value) => sealEntry(key, purpose, value)));
  await db.insertInto('vault_entries').values(entries).execute();
  return entries.map(({ id }) => id);
}

/**
 * The key for new values. Until the transaction ends nobody can replace it, so no value is left behind under a key
 * that is gone.
 *
 * @throws {VaultError} when it was replaced, and this server has no other
 */
async function usableKey(keys: KeyProvider, db: Work): Promise<WrappingKey> {
  let key = await keys.current();
  for (;;) {
    const row = await db
      .selectFrom('vault_keys')
      .select('replaced_by')
      .where('id', '=', key.id)
      .forShare()
      .executeTakeFirst();
    if (row?.replaced_by === null) return key;
    if (!row) {
      await registerKey(db, key.id);
      continue;
    }
    // Replaced a moment ago: the new one is there by now, or this server was never given it.
    const former = key;
    key = await keys.current();
    if (key.id === former.id) throw replacedKey(key.id, row.replaced_by);
  }
}

/** Makes a key known, so that values can be sealed under it. */
export const registerKey = (db: Database, id: string) =>
  sql`INSERT INTO vault_keys (id) VALUES (${id}) ON CONFLICT DO NOTHING`.execute(db);

export const replacedKey = (id: string, by: string): VaultError =>
  new VaultError(
    'former-key',
    `This server seals values with the key ${id}, which was replaced by the key ${by}. Start it with that one.`,
  );

async function sealEntry(key: WrappingKey, purpose: Purpose, value: string): Promise<Entry> {
  const id = newId();
  const context = contextOf(id, purpose);
  const dataKey = randomBytes(keyBytes);
  try {
    return {
      id,
      purpose,
      key_id: key.id,
      wrapped_key: await key.wrap(dataKey, context),
      sealed: seal(dataKey, Buffer.from(value), context),
    };
  } finally {
    dataKey.fill(0);
  }
}

async function openAll(
  keys: KeyProvider,
  db: Database,
  ids: readonly string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  // The use is recorded to the minute, and not by two at once: opening never waits for another one who opens.
  const { rows } = await sql<Entry>`
    WITH stale AS (
      SELECT id FROM vault_entries
      WHERE id = ANY(${[...ids]}::uuid[])
        AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
      FOR NO KEY UPDATE SKIP LOCKED
    ), used AS (
      UPDATE vault_entries SET last_used_at = now() WHERE id IN (SELECT id FROM stale)
    )
    SELECT id, purpose, key_id, wrapped_key, sealed FROM vault_entries
    WHERE id = ANY(${[...ids]}::uuid[])`.execute(db);
  const values = new Map(
    await Promise.all(rows.map(async (entry) => [entry.id, await openEntry(keys, db, entry)] as const)),
  );
  const missing = ids.find((id) => !values.has(id));
  if (missing !== undefined) {
    throw new VaultError('missing', `The stored value ${missing} is gone; enter it again.`);
  }
  return values;
}

async function openEntry(keys: KeyProvider, db: Database, entry: Entry): Promise<string> {
  const context = contextOf(entry.id, entry.purpose);
  const key = await keys.find(entry.key_id);
  if (!key) {
    const now = await sql<Entry>`SELECT * FROM vault_entries WHERE id = ${entry.id}`.execute(db);
    // Rewrapped between reading the row and looking for its key.
    if (now.rows[0] && now.rows[0].key_id !== entry.key_id) return openEntry(keys, db, now.rows[0]);
    throw new VaultError(
      'wrong-key',
      `The stored value ${entry.id} was sealed with the key ${entry.key_id}, and this server has the key ${(await keys.current()).id}. ` +
        'Put the former key back (keys/master.key in the home folder, or SLIPWAY_MASTER_KEY), or enter the value again.',
    );
  }
  const dataKey = await key.unwrap(entry.wrapped_key, context);
  const plain = dataKey && unseal(dataKey, entry.sealed, context);
  dataKey?.fill(0);
  if (!plain) {
    throw new VaultError(
      'damaged',
      `The stored value ${entry.id} (${entry.purpose}) does not open: its row was changed or copied from another one. Enter the value again.`,
    );
  }
  return plain.toString();
}

/** What a value is bound to. Neither part holds a line break. */
export const contextOf = (id: string, purpose: string): Buffer =>
  Buffer.from(`slipway vault 1\n${purpose}\n${id}`);
