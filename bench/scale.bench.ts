import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../packages/server/src/database/migrate.ts';
import type { Comparison } from './harness.ts';
import { rate } from './load.ts';
import { startTarget } from './targets/target.ts';

const connectors = { few: 100, many: 100_000 };
const runs = { few: 100, many: 1_000_000 };

/** Rows that every filter finds, in both databases. */
const found = 100;

interface Filled {
  url: string;
  token: string;
  /** Owns {@link found} connectors. */
  owner: string;
  /** Has {@link found} runs, as the site has. */
  connector: string;
  stop: () => Promise<void>;
}

/**
 * The same lists, once with a hundred rows and once with as many as a large installation has: what is asked for is the
 * same page of a hundred, so its time should be too.
 *
 * @param databaseUrl of a server on which two databases are made
 */
export async function scaleComparisons(
  folder: string,
  databaseUrl: string,
): Promise<{ comparisons: Comparison[]; stop: () => Promise<void> }> {
  const few = await fill(folder, databaseUrl, 'scale_few', connectors.few, runs.few);
  const many = await fill(folder, databaseUrl, 'scale_many', connectors.many, runs.many);
  const ask = (side: Filled, path: string) =>
    rate({
      url: side.url + path,
      headers: { authorization: `Bearer ${side.token}` },
      connections: 2,
      // Pages of runs take two milliseconds: fewer of them would measure the moment.
      amount: path.startsWith('/runs') ? 300 : 40,
    });
  const compared = (
    name: string,
    path: (side: Filled) => string,
    deep: (side: Filled) => string = path,
  ): Comparison => ({
    name,
    unit: 'req/s',
    better: 'higher',
    ours: () => ask(many, deep(many)),
    bare: () => ask(few, path(few)),
    // Within 1.3 times its own time.
    target: { kind: 'ratio', atLeast: 0.77 },
  });
  const deepConnectors = await nextAt(many, '/connectors', connectors.many / 2);
  const deepRuns = await nextAt(many, '/runs', runs.many / 2);
  return {
    comparisons: [
      compared('connectors, first page', () => '/connectors?limit=100'),
      compared(
        'connectors, page in the middle by `next`',
        () => '/connectors?limit=100',
        () => deepConnectors,
      ),
      compared('connectors by name', () => '/connectors?limit=100&name=Special'),
      compared('connectors by owner', ({ owner }) => `/connectors?limit=100&owners=${owner}`),
      compared('connectors that are released', () => '/connectors?limit=100&released=true'),
      compared('runs, first page', () => '/runs?limit=100'),
      compared(
        'runs, page in the middle by `next`',
        () => '/runs?limit=100',
        () => deepRuns,
      ),
      compared('runs of a connector', ({ connector }) => `/runs?limit=100&connector-id=${connector}`),
      compared('runs on a site', () => '/runs?limit=100&site-id=1'),
      compared('runs by state', () => '/runs?limit=100&state=finished'),
    ],
    stop: async () => {
      await few.stop();
      await many.stop();
    },
  };
}

/** Address of the page behind a place in the list. */
async function nextAt({ url, token }: Filled, path: string, from: number): Promise<string> {
  const answer = await fetch(`${url}${path}?from=${from}&limit=100`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { metadata } = (await answer.json()) as { metadata: { next: string | null } };
  if (metadata.next === null) throw new Error(`${path} ends before ${from}.`);
  return metadata.next;
}

async function fill(
  folder: string,
  databaseUrl: string,
  name: string,
  connectorCount: number,
  runCount: number,
): Promise<Filled> {
  await query(databaseUrl, `CREATE DATABASE ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  const { ready, stop } = await startTarget<{ url: string; token: string }>('server', {
    SLIPWAY_DATABASE_URL: url.href,
    SLIPWAY_HOME: join(folder, name),
    SLIPWAY_PORT: '0',
    SLIPWAY_DEMO: 'false',
    SLIPWAY_ROLE: 'api',
  });
  const answer = await fetch(`${ready.url}/connectors`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ready.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ 'connector-type': 'datasource', 'connector-name': 'Template' }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await multiply(client, connectorCount);
    await insertRuns(client, runCount);
    await client.query('VACUUM (ANALYZE)');
    const owner = await client.query<{ id: string }>(
      "SELECT owner_id AS id FROM connectors WHERE name LIKE '%Special%' LIMIT 1",
    );
    const connector = await client.query<{ id: string }>(
      'SELECT connector_id AS id FROM runs WHERE site_id = 1 LIMIT 1',
    );
    return { ...ready, stop, owner: owner.rows[0]?.id as string, connector: connector.rows[0]?.id as string };
  } finally {
    await client.end();
  }
}

/**
 * Makes many of the one connector that is there, with three versions each. The first {@link found} belong to one owner
 * and have a name of their own; every third connector is released, or all of them when there are few.
 */
async function multiply(client: pg.Client, count: number): Promise<void> {
  await client.query('CREATE TEMP TABLE template AS SELECT * FROM connectors');
  await client.query('CREATE TEMP TABLE template_version AS SELECT * FROM connector_versions');
  await client.query('DELETE FROM connectors');
  await client.query(
    'CREATE TEMP TABLE made AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, $1::integer) n',
    [count],
  );
  await client.query(
    'CREATE TEMP TABLE owners AS SELECT n, gen_random_uuid() AS id FROM generate_series(0, $1::integer) n',
    [Math.ceil(count / found)],
  );
  const insert = async (table: string, template: string, from: string, values: Record<string, string>) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position',
      [table],
    );
    const names = rows.map(({ name }) => name);
    const quoted = names.map((name) => `"${name}"`).join(', ');
    const selected = names.map((name) => values[name] ?? `t."${name}"`).join(', ');
    await client.query(`INSERT INTO ${table} (${quoted}) SELECT ${selected} FROM ${template} t, ${from}`);
  };
  await insert('connectors', 'template', `made m JOIN owners o ON o.n = (m.n - 1) / ${found}`, {
    id: 'm.id',
    name: `CASE WHEN m.n <= ${found} THEN 'Special ' ELSE 'Connector ' END || m.n`,
    owner_id: 'o.id',
    created_at: `now() - m.n * interval '1 second'`,
  });
  await insert('connector_versions', 'template_version', 'made m, generate_series(1, 3) AS number (major)', {
    id: 'gen_random_uuid()',
    connector_id: 'm.id',
    major: 'number.major',
    released: `number.major = 1 AND (m.n % 3 = 0 OR ${count <= found})`,
  });
}

/** Runs of the connectors in turn; the first {@link found} on site 1 and of one connector. One in fifty failed. */
async function insertRuns(client: pg.Client, count: number): Promise<void> {
  await client.query(
    `INSERT INTO runs (id, connector_id, version_id, major, connector_version, state, environment, stage, process_id,
       site_id, site_name, project_id, project_name, account_id, account_name, exit_code, cli_command, created_at,
       started_at, finished_at)
     SELECT gen_random_uuid(), m.id, m.id, 1, '1.0.0', CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'finished' END, 'prod',
       'import', gen_random_uuid(), CASE WHEN i <= ${found} THEN 1 ELSE 2 + i % 5000 END, 'Site', 1, 'Project', 1,
       'Account', 0, 'node main.js', now() - i * interval '1 second', now() - i * interval '1 second',
       now() - i * interval '1 second'
     FROM generate_series(1, $1::integer) i
       JOIN made m ON m.n = CASE WHEN i <= ${found} THEN 1 ELSE 2 + i % ((SELECT count(*) FROM made) - 1) END`,
    [count],
  );
}

async function query(databaseUrl: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
