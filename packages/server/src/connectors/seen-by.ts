import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Actor } from '../identity/actor.ts';

/** Who can own a connector for this actor: themselves and their organizations. */
const ownersOf = (actor: Actor): RawBuilder<unknown> => sql`${[actor.id, ...actor.organizations]}::uuid[]`;

// Connectors in the bin count too: their runs and dev sites stay where they are. The two halves use an index each.
const owned = (actor: Actor): RawBuilder<unknown> => sql`
  SELECT c.id FROM connectors c WHERE c.owner_id = ANY(${ownersOf(actor)}) AND c.deleted_at IS NULL
  UNION ALL
  SELECT c.id FROM connectors c WHERE c.owner_id = ANY(${ownersOf(actor)}) AND c.deleted_at IS NOT NULL`;

/** Ids of the connectors that somebody other than an admin may see, those in the bin included. */
export async function connectorIdsSeenBy(db: Database, actor: Actor): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`${owned(actor)}`.execute(db);
  return rows.map((row) => row.id);
}

/** The owner of a connector, in the bin or not; null when it was deleted for good. */
export async function connectorOwner(db: Database, connectorId: string): Promise<string | null> {
  const row = await db
    .selectFrom('connectors')
    .select('owner_id')
    .where('id', '=', connectorId)
    .executeTakeFirst();
  return row?.owner_id ?? null;
}

/** `default`, `standalone` or `migration`. */
export async function connectorFlow(db: Database, connectorId: string): Promise<string | null> {
  const row = await db
    .selectFrom('connectors')
    .select('flow')
    .where('id', '=', connectorId)
    .executeTakeFirst();
  return row?.flow ?? null;
}
