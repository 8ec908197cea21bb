import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';

export interface Change {
  path: string;
  from: unknown;
  to: unknown;
}

/** What happened, for the audit trail (3.18). Values of secrets stand as `"***"` already. */
export interface AuditEntry {
  /** The operation's id, or `system.<verb>`. */
  action: string;
  entity: { type: string; id: string | number; name: string | null };
  connector?: string | null;
  changes?: readonly Change[];
}

/** Writes the event in the transaction of the change: no event, no change. */
export async function audit(
  context: Pick<Context, 'actor' | 'requestId' | 'ip'> & { db: Work },
  entry: AuditEntry,
): Promise<void> {
  const { actor } = context;
  await context.db
    .insertInto('audit_events')
    .values({
      id: newId(),
      actor_id: actor.kind === 'system' ? null : actor.id,
      actor_name: actor.name,
      actor_kind: actor.kind,
      action: entry.action,
      entity_type: entry.entity.type,
      entity_id: String(entry.entity.id),
      entity_name: entry.entity.name,
      connector_id: entry.connector ?? null,
      changes: JSON.stringify(entry.changes ?? []),
      request_id: context.requestId,
      ip: context.ip,
    })
    .execute();
}

/** The changed keys of two flat records, in the order of `to`; unchanged ones are left out. */
export function changesBetween(from: Record<string, unknown>, to: Record<string, unknown>): Change[] {
  return Object.keys(to)
    .filter((path) => JSON.stringify(from[path] ?? null) !== JSON.stringify(to[path] ?? null))
    .map((path) => ({ path, from: from[path] ?? null, to: to[path] ?? null }));
}
