import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { Reply } from '../http/route.ts';
import type { Services } from '../services.ts';

/** `GET /health/live`: the process answers. */
export const live = async (): Promise<void> => {};

/** `GET /health/ready`: 503 when a part that every request needs is out of reach; the engine alone is none. */
export async function ready({ services }: Context): Promise<Reply> {
  const [database, storage, queue, engine] = await Promise.all([
    works(() => sql`SELECT 1`.execute(services.db)),
    works(() => services.storage.check()),
    works(() => services.jobs.check()),
    works(() => checkEngine(services)),
  ]);
  const isReady = [database, storage, queue].every((part) => part === 'ok');
  const data = { database, storage, queue, engine };
  return isReady ? new Reply(data) : new Reply(data, { status: 503, message: 'not ready' });
}

const works = (check: () => Promise<unknown>): Promise<'ok' | 'failed'> =>
  check().then(
    () => 'ok' as const,
    () => 'failed' as const,
  );

async function checkEngine({ engine }: Services): Promise<void> {
  await engine.check();
}
