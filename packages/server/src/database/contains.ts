import { type RawBuilder, sql } from 'kysely';

/** Text filters are "contains", in any case; `%` and `_` in the filter are ordinary characters. */
export const contains = (column: string, text: string): RawBuilder<boolean> =>
  sql`${sql.ref(column)} ILIKE ${`%${text.replace(/[\\%_]/g, '\\$&')}%`}`;
