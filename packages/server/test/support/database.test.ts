import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from './database.ts';

const first = await createTestDatabase();
const second = await createTestDatabase();
const clients = [first, second].map(({ url }) => new pg.Client({ connectionString: url }));
await Promise.all(clients.map((client) => client.connect()));
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
});

test('every clone is migrated and stands alone', async () => {
  const [one, two] = clients as [pg.Client, pg.Client];
  const { rows } = await one.query(
    "SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'",
  );
  expect(rows[0].tables).toBeGreaterThan(1);
  await one.query('CREATE TABLE only_here (id int)');
  await expect(two.query('SELECT * FROM only_here')).rejects.toThrow('relation "only_here" does not exist');
});
