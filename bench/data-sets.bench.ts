import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type DataSet,
  DELTA_STREAMS,
  DuckDb,
  loadDataSet,
  mergeDataSets,
  type OutputDescription,
  writeDelta,
} from '@slipway/records';
import type { Comparison } from './harness.ts';
import { row } from './rows.ts';

const rows = 1_000_000;
/** What the server gives to queries on data sets. */
export const options = { memoryMb: 512, threads: 2 };

/** Merging and comparing a million rows of twenty columns, against one statement of DuckDB on the same files. */
export async function dataSetComparisons(folder: string): Promise<Comparison[]> {
  const work = join(folder, 'data-sets');
  await mkdir(work, { recursive: true });
  const duckdb = new DuckDb({ ...options, temporaryFolder: join(work, 'spilled') });
  const main = await store(join(work, 'main.ndjson'), rows, (id) => row(id));
  const stock = await store(join(work, 'stock.ndjson'), rows / 2, (index) => ({
    id: index * 2,
    stock: index % 10,
    cost: index % 777,
    supplier: `Supplier ${index % 50}`,
    warehouse: `Hall ${index % 9}`,
    note: index % 3 === 0 ? `note ${index}` : '',
  }));
  const present = await load(duckdb, main, join(work, 'present.parquet'));
  const former = await store(join(work, 'former.ndjson'), rows, (index) => {
    const id = index % 10 === 7 ? rows + index : index;
    return { ...row(id), price: index % 10 === 3 ? '1.23' : (row(id).price as number) };
  });
  const baseline = await load(duckdb, former, join(work, 'baseline.parquet'));
  const streams = Object.fromEntries(DELTA_STREAMS.map((stream) => [stream, join(work, 'input', stream)]));
  const sources = {
    main: [{ rows: main }],
    joined: [{ rows: stock, key: 'id', match: 'id', join: 'fill' as const }],
    idColumn: 'id',
  };
  const common = {
    unit: 's',
    better: 'lower',
    target: { kind: 'ratio', atLeast: 1 / 1.3 },
    rounds: 3,
  } as const;
  return [
    {
      name: 'merge of 1,000,000 × 20 with 500,000 × 6, against DuckDB alone',
      ...common,
      ours: () => seconds(() => mergeDataSets(duckdb, sources, join(work, 'merged.parquet'))),
      bare: () => seconds(() => run(duckdb, [mergeStatement(main, stock, join(work, 'bare.parquet'))])),
    },
    {
      name: 'delta of two times 1,000,000 × 20, against DuckDB alone',
      ...common,
      ours: () =>
        seconds(() => writeDelta(duckdb, { present, baseline }, { key: 'id' }, streams, join(work, 'delta'))),
      bare: () => seconds(() => run(duckdb, deltaStatements(present, baseline, work))),
    },
  ];
}

/** Stores rows as a run would have written them: flat, as text, one a line. */
async function store(
  path: string,
  count: number,
  make: (index: number) => Record<string, string | number>,
): Promise<OutputDescription> {
  let longestLine = 0;
  function* parts(): Generator<string> {
    for (let start = 0; start < count; start += 1000) {
      const lines = Array.from({ length: Math.min(1000, count - start) }, (_value, index) => {
        const texts = Object.entries(make(start + index)).map(([key, value]) => [key, String(value)]);
        return `${JSON.stringify(Object.fromEntries(texts))}\n`;
      });
      longestLine = Math.max(longestLine, ...lines.map((line) => line.length));
      yield lines.join('');
    }
  }
  await pipeline(Readable.from(parts(), { objectMode: false }), createWriteStream(path));
  return {
    files: [path],
    columns: Object.keys(make(0)),
    rows: count,
    bytes: (await stat(path)).size,
    longestLine,
  };
}

async function load(duckdb: DuckDb, output: OutputDescription, path: string): Promise<DataSet> {
  return { path, columns: output.columns, rows: await loadDataSet(duckdb, output, path) };
}

const run = (duckdb: DuckDb, statements: readonly string[]) =>
  duckdb.with(async (connection) => {
    for (const statement of statements) await connection.run(statement);
  });

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const json = ({ files, columns }: OutputDescription): string =>
  `read_json('${files[0]}', format = 'newline_delimited', columns = {${columns.map((name) => `'${name}': 'VARCHAR'`).join()}})`;

/** The same result as one statement: first values win, rows stay in their order. */
function mergeStatement(main: OutputDescription, stock: OutputDescription, path: string): string {
  const own = main.columns.map((name) =>
    name === 'stock' ? `coalesce(nullif(m.stock, ''), s.stock, '')` : `coalesce(m."${name}", '')`,
  );
  const added = stock.columns.filter((name) => !main.columns.includes(name));
  const first = stock.columns
    .filter((name) => name !== 'id')
    .map((name) => `arg_min("${name}", place) FILTER ("${name}" <> '') AS "${name}"`);
  const columns = [...own, ...added.map((name) => `coalesce(s."${name}", '')`)];
  return `COPY (
    SELECT row_number() OVER () - 1 AS row, * FROM (
      SELECT ${columns.map((column, place) => `${column} AS c${place}`).join()}
      FROM (SELECT *, row_number() OVER () AS place FROM ${json(main)}) AS m
      LEFT JOIN (SELECT id, ${first.join()} FROM (SELECT *, row_number() OVER () AS place FROM ${json(stock)})
                 GROUP BY id) AS s ON s.id = m.id
      ORDER BY m.place)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`;
}

/** The same streams: a table of what became of each row, and a statement for each stream. */
function deltaStatements(present: DataSet, baseline: DataSet, folder: string): string[] {
  const columns = present.columns.map((name, place) => `c${place} AS "${name}"`).join();
  const differ = present.columns.map((_name, place) => `p.c${place} <> b.c${place}`).join(' OR ');
  const write = (from: DataSet, side: string, where: string, name: string): string =>
    `COPY (SELECT ${columns} FROM read_parquet('${from.path}') JOIN
             (SELECT ${side} AS row FROM fate WHERE ${where}) USING (row) ORDER BY row)
     TO '${join(folder, `bare-${name}.ndjson`)}' (FORMAT json)`;
  return [
    `CREATE OR REPLACE TEMP TABLE fate AS
     SELECT p.row AS p, b.row AS b, CASE WHEN b.row IS NULL THEN 'new' WHEN p.row IS NULL THEN 'deleted'
       WHEN ${differ} THEN 'modified' ELSE 'unchanged' END AS became
     FROM read_parquet('${present.path}') AS p FULL JOIN read_parquet('${baseline.path}') AS b ON p.c0 = b.c0`,
    ...['new', 'modified', 'unchanged'].map((name) => write(present, 'p', `became = '${name}'`, name)),
    write(baseline, 'b', `became = 'deleted'`, 'deleted'),
    write(present, 'p', `became <> 'deleted'`, 'input'),
  ];
}
