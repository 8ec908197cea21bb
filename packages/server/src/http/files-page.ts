import type { Page } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { describeFile, type StoredFile } from '../storage/files.ts';
import type { ListResult } from './list-result.ts';
import { decodeCursor, encodeCursor } from './paging.ts';

/** How a file is shown: its path and the keys every one has. */
export type ShowFile = (path: RawBuilder<string>) => RawBuilder<unknown>;

/**
 * A page of the files below a folder, in the order of their paths, as the API shows them.
 *
 * @param paths of the files, in ascending order
 * @param show the keys before `size-bytes` and `updated-at`
 */
export async function filesPage(
  db: Database,
  root: string,
  paths: AsyncIterable<string>,
  page: Page,
  show: ShowFile = (path) => sql`'path', ${path}`,
): Promise<ListResult> {
  // A path has at most 1,024 bytes and no control characters; that of a run has its store before it.
  const cursor =
    page.after === null ? null : decodeCursor(page.after, 1, (path) => /^\P{Cc}{1,1100}$/u.test(path));
  const after = cursor?.keys[0] ?? null;
  const found: string[] = [];
  let total = 0;
  for await (const path of paths) {
    total += 1;
    const wanted = after === null ? total > page.from : path > after;
    if (wanted && found.length <= page.limit) found.push(path);
  }
  const described = await Promise.all(found.slice(0, page.limit).map((path) => describeFile(root, path)));
  const files = described.filter((file) => file !== null);
  const from = cursor?.from ?? page.from;
  const last = files.at(-1);
  return {
    items: await itemsOf(db, files, show),
    total,
    from,
    after:
      found.length > page.limit && last
        ? encodeCursor({ from: from + files.length, keys: [last.path] })
        : null,
  };
}

/** The files as JSON; the database writes their times as it writes all others. */
async function itemsOf(db: Database, files: readonly StoredFile[], show: ShowFile): Promise<string[]> {
  const { rows } = await sql<{ item: string }>`
    SELECT json_build_object(${show(sql.ref('f.path'))}, 'size-bytes', f.size, 'updated-at', wire_time(f.time))::text AS item
    FROM unnest(${files.map(({ path }) => path)}::text[], ${files.map(({ sizeBytes }) => sizeBytes)}::bigint[],
      ${files.map(({ updatedAt }) => updatedAt.toISOString())}::timestamptz[]) WITH ORDINALITY AS f (path, size, time, place)
    ORDER BY f.place`.execute(db);
  return rows.map(({ item }) => item);
}
