import { type RawBuilder, sql } from 'kysely';
import type { Work } from '../database/database.ts';

/** Representations of 6.1, keys in the contract's order. Alias `c`. */
export const channelJson: RawBuilder<unknown> = sql`json_build_object(
  'id', c.id, 'name', c.name, 'owner', c.owner_id, 'delta', c.delta, 'fields', c.fields, 'file-names', c.file_names,
  'single-file', c.single_file, 'classifications', c.classifications,
  'created-at', wire_time(c.created_at), 'updated-at', wire_time(c.updated_at))`;

/** Alias `e`. */
export const legacyExecutableJson: RawBuilder<unknown> = sql`json_build_object(
  'id', e.id, 'name', e.name, 'kind', e.kind, 'image', e.image, 'command', e.command,
  'created-at', wire_time(e.created_at), 'updated-at', wire_time(e.updated_at))`;

/** Gives the channels of one user to another. */
export async function giveChannels(db: Work, from: string, to: string): Promise<void> {
  await db
    .updateTable('channels')
    .set({ owner_id: to, updated_at: sql<Date>`now()` })
    .where('owner_id', '=', from)
    .execute();
}
