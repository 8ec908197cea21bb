// Reads and writes data sets; gives way to the data sets of the records package.

import { rename } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';

const lit = (s: string) => `'${s.replaceAll("'", "''")}'`;
const col = (s: string) => `"${s.replaceAll('"', '""')}"`;

export async function mergeFiles(
  sources: { files: readonly string[]; columns: readonly string[] }[],
  path: string,
): Promise<{ rows: number; columns: string[] }> {
  const columns = [...new Set(sources.flatMap((s) => [...s.columns]))];
  const db = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', threads: '1' });
  const c = await db.connect();
  const selects = sources.flatMap((s) =>
    s.files.length === 0 || s.columns.length === 0
      ? []
      : [
          `SELECT ${columns.map((x) => (s.columns.includes(x) ? `coalesce(${col(x)}, '')` : "''") + ` AS ${col(x)}`).join(', ')} FROM read_ndjson([${s.files.map(lit).join(',')}], columns={${s.columns.map((x) => `${lit(x)}: 'VARCHAR'`).join(', ')}}, maximum_object_size=67108864)`,
        ],
  );
  const text =
    selects.length === 0
      ? `SELECT ${columns.map((x) => `'' AS ${col(x)}`).join(', ') || '\'\' AS "__row"'} WHERE false`
      : selects.join(' UNION ALL ');
  await c.run(`COPY (${text}) TO ${lit(`${path}.tmp`)} (FORMAT parquet)`);
  const r = await c.runAndReadAll(`SELECT count(*)::INTEGER FROM read_parquet(${lit(`${path}.tmp`)})`);
  await rename(`${path}.tmp`, path);
  const rows = Number(r.getRows()[0]?.[0]);
  c.closeSync();
  db.closeSync();
  return { rows, columns };
}

export async function dataSetRows(
  path: string,
): Promise<{ columns: string[]; values: AsyncIterable<string[]> }> {
  const db = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', threads: '1' });
  const c = await db.connect();
  const r = await c.runAndReadAll(`SELECT * FROM read_parquet(${lit(path)})`);
  const rows = r.getRows() as string[][];
  return {
    columns: r.columnNames(),
    values: (async function* () {
      yield* rows;
    })(),
  };
}
