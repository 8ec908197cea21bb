import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import type { DB } from '../database/schema.ts';
import { audit } from '../events/audit.ts';
import { systemActor } from '../operations/system-context.ts';
import { forgetFormer, replaceKey } from './key-file.ts';
import { createKeyProvider, type KeySettings } from './key-provider.ts';
import { contextOf, registerKey, replacedKey } from './sealed-vault.ts';
import type { KeyProvider, WrappingKey } from './wrapping-key.ts';

/** Any number that no other program on the same database is likely to lock. */
const lock = 7_021_987_344;
/** Values to a transaction: other work on them waits for one batch at most. */
const batch = 500;

export interface Rotation {
  /** Name of the key that wraps from now on. */
  key: string;
  /** It finished a rotation that was interrupted. */
  resumed: boolean;
  /** Values whose data key was wrapped anew. */
  rewrapped: number;
  /** Values that no key opens that is here: name of their key → how many. */
  unreachable: Map<string, number>;
  /** Values whose row was damaged before; they are left as they were. */
  damaged: number;
}

/**
 * Changes the wrapping key: data keys are wrapped anew, values stay as they are. May be killed at any moment and
 * called again; servers may run meanwhile (the provider `env`: those that have both keys).
 *
 * @throws when another rotation is under way
 */
export function rotateKeys(db: Kysely<DB>, settings: KeySettings): Promise<Rotation> {
  return db.connection().execute(async (connection) => {
    const { rows } = await sql<{ free: boolean }>`SELECT pg_try_advisory_lock(${lock}) AS free`.execute(
      connection,
    );
    if (!rows[0]?.free) throw new Error('Another rotation of the keys is under way.');
    try {
      return await rotate(connection, settings);
    } finally {
      await sql`SELECT pg_advisory_unlock(${lock})`.execute(connection);
    }
  });
}

async function rotate(db: Kysely<DB>, settings: KeySettings): Promise<Rotation> {
  const folder = join(settings.home, 'keys');
  const inFile = settings.keyProvider === 'file';
  // Makes the first key where none is yet.
  await createKeyProvider(settings);
  const { resumed } = inFile ? await replaceKey(folder) : { resumed: false };
  const keys = await createKeyProvider(settings);
  const current = await keys.current();
  await reactivate(db, keys, current.id);
  const rotation: Rotation = { key: current.id, resumed, rewrapped: 0, unreachable: new Map(), damaged: 0 };
  for (const { id, count } of await otherKeys(db, current.id)) {
    const former = await keys.find(id);
    if (former) {
      await retire(db, id, current.id);
      await rewrapAll(db, former, current, rotation);
    } else if (count > 0) rotation.unreachable.set(id, count);
  }
  if (inFile) await forgetFormer(folder);
  return rotation;
}

/**
 * The key for new values may be one that was replaced once, as when a change is undone; but then the one that replaced
 * it has to be here.
 *
 * @throws {VaultError} when it is not: this is an old key that was forgotten somewhere
 */
async function reactivate(db: Kysely<DB>, keys: KeyProvider, id: string): Promise<void> {
  await registerKey(db, id);
  const { replaced_by: by } = await db
    .selectFrom('vault_keys')
    .select('replaced_by')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  if (by === null) return;
  if (!(await keys.find(by))) throw replacedKey(id, by);
  await db.updateTable('vault_keys').set({ replaced_by: null }).where('id', '=', id).execute();
}

/** Every other key that was ever used and is not done with, and how many values it wraps. */
async function otherKeys(db: Database, current: string): Promise<{ id: string; count: number }[]> {
  const { rows } = await sql<{ id: string; count: number }>`
    SELECT k.id, (SELECT count(*)::int FROM vault_entries e WHERE e.key_id = k.id) AS count
    FROM vault_keys k WHERE k.id <> ${current}
      AND (k.replaced_by IS NULL OR EXISTS (SELECT 1 FROM vault_entries e WHERE e.key_id = k.id))
    ORDER BY k.created_at, k.id`.execute(db);
  return rows;
}

/** From here on nobody seals under the former key; whoever is about to has done it when this returns. */
async function retire(db: Kysely<DB>, former: string, current: string): Promise<void> {
  await db.transaction().execute(async (work) => {
    const { numUpdatedRows } = await work
      .updateTable('vault_keys')
      .set({ replaced_by: current })
      .where('id', '=', former)
      .where('replaced_by', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return;
    await audit(
      { db: work, actor: systemActor, requestId: null, ip: null },
      {
        action: 'system.rotate-keys',
        entity: { type: 'system', id: current, name: null },
        changes: [{ path: 'key', from: former, to: current }],
      },
    );
  });
}

async function rewrapAll(
  db: Kysely<DB>,
  from: WrappingKey,
  to: WrappingKey,
  rotation: Rotation,
): Promise<void> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const done = await db.transaction().execute((work) => rewrapBatch(work, from, to, after));
    rotation.rewrapped += done.rewrapped;
    rotation.damaged += done.damaged;
    if (done.last === null) return;
    after = done.last;
  }
}

async function rewrapBatch(db: Work, from: WrappingKey, to: WrappingKey, after: string) {
  const rows = await db
    .selectFrom('vault_entries')
    .select(['id', 'purpose', 'wrapped_key'])
    .where('key_id', '=', from.id)
    .where('id', '>', after)
    .orderBy('id')
    .limit(batch)
    .forUpdate()
    .execute();
  const anew: { id: string; wrapped: Buffer }[] = [];
  for (const { id, purpose, wrapped_key: wrapped } of rows) {
    const context = contextOf(id, purpose);
    const dataKey = await from.unwrap(wrapped, context);
    if (!dataKey) continue;
    anew.push({ id, wrapped: await to.wrap(dataKey, context) });
    dataKey.fill(0);
  }
  await sql`
    UPDATE vault_entries e SET key_id = ${to.id}, wrapped_key = n.wrapped
    FROM unnest(${anew.map(({ id }) => id)}::uuid[], ${anew.map(({ wrapped }) => wrapped)}::bytea[]) AS n (id, wrapped)
    WHERE e.id = n.id`.execute(db);
  return { rewrapped: anew.length, damaged: rows.length - anew.length, last: rows.at(-1)?.id ?? null };
}
