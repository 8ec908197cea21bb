import { sql } from 'kysely';
import type { Work } from '../database/database.ts';

/** Gives buckets to another owner. One whose name the new owner uses already gets a number behind it. */
export async function giveBuckets(db: Work, ids: readonly string[], owner: string): Promise<void> {
  for (const id of [...ids].sort()) {
    const name = await freeName(db, id, owner);
    await db
      .updateTable('buckets')
      .set({ owner_id: owner, updated_at: sql<Date>`now()`, ...(name === null ? {} : { name }) })
      .where('id', '=', id)
      .execute();
  }
}

/** Gives everything one owner has to another. */
export async function giveAllBuckets(db: Work, from: string, to: string): Promise<void> {
  const buckets = await db
    .selectFrom('buckets')
    .select('id')
    .where('owner_id', '=', from)
    .forUpdate()
    .execute();
  await giveBuckets(
    db,
    buckets.map(({ id }) => id),
    to,
  );
}

/** `Exchange` → `Exchange 2`, when the owner has an `Exchange`; null when the name may stay. */
async function freeName(db: Work, id: string, owner: string): Promise<string | null> {
  const { name } = await db
    .selectFrom('buckets')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const taken = await db
    .selectFrom('buckets')
    .select('name')
    .where('owner_id', '=', owner)
    .where('id', '<>', id)
    .where(sql<boolean>`starts_with(name, ${name.slice(0, 90)})`)
    .execute();
  const names = new Set(taken.map((row) => row.name));
  if (!names.has(name)) return null;
  let number = 2;
  while (names.has(numbered(name, number))) number += 1;
  return numbered(name, number);
}

/** A name has at most 100 characters. */
const numbered = (name: string, number: number): string => `${name.slice(0, 90)} ${number}`;
