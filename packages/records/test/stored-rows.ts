import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  type DataSet,
  type DuckDb,
  describeDataSet,
  describeOutput,
  loadDataSet,
  type OutputDescription,
  OutputStream,
  readDataSetValues,
} from '../src/index.ts';
import { columnsOf, type Row } from './reference-merge.ts';
import { writeRows } from './write-rows.ts';

/** Text of a row, keys in the order of the map whatever they look like. */
const rowText = (row: Row): string =>
  `{${[...row].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`;

/** Stores rows as a run would have written them. */
export async function storeRows(folder: string, rows: readonly Row[]): Promise<OutputDescription> {
  const path = join(folder, randomUUID());
  const stream = await OutputStream.open(path);
  if (rows.length > 0) await writeRows(stream, `[${rows.map(rowText).join()}]`);
  await stream.dispose();
  return await describeOutput(path);
}

/** Stores rows as a data set. */
export async function storeDataSet(duckdb: DuckDb, folder: string, rows: readonly Row[]): Promise<DataSet> {
  const path = join(folder, `${randomUUID()}.parquet`);
  await loadDataSet(duckdb, await storeRows(folder, rows), path);
  return { path, columns: columnsOf(rows), rows: rows.length };
}

/** All of a data set. */
export async function readAll(
  duckdb: DuckDb,
  path: string,
): Promise<{ columns: readonly string[]; rows: string[][] }> {
  const { columns } = await describeDataSet(duckdb, path);
  const rows: string[][] = [];
  for await (const row of readDataSetValues(duckdb, path)) rows.push(row.slice(0, columns.length));
  return { columns, rows };
}
