import type { Kysely } from 'kysely';
import { connect } from '../database/connect.ts';
import { borrowEmbeddedPostgres } from '../database/embedded.ts';
import { migrate } from '../database/migrate.ts';
import type { DB } from '../database/schema.ts';
import type { Settings } from '../settings.ts';

/** Does something with the database of the installation, beside its servers or while none runs. */
export async function withDatabase<T>(
  { databaseUrl, home }: Settings,
  say: (line: string) => void,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const embedded = databaseUrl === null ? await borrowEmbeddedPostgres({ home, log: say }) : null;
  try {
    const url = databaseUrl ?? (embedded?.url as string);
    await migrate(url);
    const connection = connect(url, { max: 3 });
    try {
      return await work(connection.db);
    } finally {
      await connection.close();
    }
  } finally {
    await embedded?.stop();
  }
}
