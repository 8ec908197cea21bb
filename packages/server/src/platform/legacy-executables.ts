import { type operations, texts } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { standsInForLegacy } from '../versions/platform-references.ts';
import { legacyExecutableJson } from './channel-store.ts';
import { nameContains, showJson } from './store.ts';

type Operations = typeof operations;

export const legacyExecutableList: Verb<Operations['platformLegacyExecutableList']> = (
  { db },
  { query, page },
) =>
  readPage(db, page, {
    table: sql`legacy_executables`,
    alias: 'e',
    where: sql`${nameContains('e.name', query.name)}
      AND ${query.kind === undefined ? sql`true` : sql`e.kind = ${query.kind}`}`,
    item: legacyExecutableJson,
    order: byNumber('e'),
  });

/** The ids are those of the platform that came before, so an admin may choose them. */
export const legacyExecutableCreate: Verb<Operations['platformLegacyExecutableCreate']> = (
  context,
  { body },
) =>
  inTransaction(context, async (work) => {
    // One after another: the next id is the highest and one.
    await sql`LOCK TABLE legacy_executables IN SHARE ROW EXCLUSIVE MODE`.execute(work.db);
    const id = body.id ?? (await nextId(work.db));
    if (await exists(work.db, id)) throw badRequest({ id: texts.used });
    const { name, kind, image, command } = body;
    await work.db.insertInto('legacy_executables').values({ id, name, kind, image, command }).execute();
    await audit(work, {
      action: 'platform_legacy_executable_create',
      entity: { type: 'legacy-executable', id, name },
      changes: changesBetween({}, { kind, image, command }),
    });
    return showJson(work.db, legacyExecutableJson, sql`legacy_executables e WHERE e.id = ${id}`);
  });

async function nextId(db: Work): Promise<number> {
  const { rows } = await sql<{ next: number }>`
    SELECT coalesce(max(id), 0) + 1 AS next FROM legacy_executables`.execute(db);
  return rows[0]?.next ?? 1;
}

async function exists(db: Work, id: number): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM legacy_executables WHERE id = ${id}`.execute(db);
  return rows.length > 0;
}

/** In use by a version that stands in for it, by a site that runs it, or by one that may go back to it. */
export const legacyExecutableDelete: Verb<Operations['platformLegacyExecutableDelete']> = (
  context,
  { params },
) =>
  inTransaction(context, async (work) => {
    const id = Number(params.legacyExecutableId);
    const row = await work.db
      .selectFrom('legacy_executables')
      .select('name')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw notFound('Legacy executable');
    if ((await usedOnSites(work.db, id)) || (await standsInForLegacy(work.db, id))) {
      throw refused('Legacy executable is in use.');
    }
    await work.db.deleteFrom('legacy_executables').where('id', '=', id).execute();
    await audit(work, {
      action: 'platform_legacy_executable_delete',
      entity: { type: 'legacy-executable', id, name: row.name },
    });
  });

async function usedOnSites(db: Work, id: number): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    SELECT EXISTS (SELECT 1 FROM data_sources WHERE legacy_executable = ${id})
      OR EXISTS (SELECT 1 FROM legacy_switches WHERE legacy_executable = ${id}) AS used`.execute(db);
  return rows[0]?.used ?? false;
}

/** Kind of a legacy executable, which stays until the transaction ends; null when there is none with the id. */
export async function keepLegacyExecutable(db: Work, id: number): Promise<'source' | 'destination' | null> {
  const { rows } = await sql<{ kind: 'source' | 'destination' }>`
    SELECT kind FROM legacy_executables WHERE id = ${id} FOR SHARE`.execute(db);
  return rows[0]?.kind ?? null;
}
