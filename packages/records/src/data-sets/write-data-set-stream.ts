import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { completePath, type InputDescription, isHidden } from '../streams/input-stream.ts';
import { writeJsonFile } from '../streams/json-file.ts';
import { writeRowIndex } from '../streams/row-index.ts';
import { literal } from './duckdb.ts';
import { lineExpression } from './row-query.ts';
import { type DataSet, relationOf } from './row-source.ts';
import type { Task } from './task.ts';

/** Lines as they are: nothing is quoted, and none holds the separator. */
const RAW_LINES = `FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\u0001'`;

/** Which rows of a data set are written. */
export interface RowChoice {
  /** What is read beside the rows, one for each in their order. */
  readonly beside: string;
  readonly where: string;
}

/**
 * Writes rows of a data set as an input stream, as `writeInputStream` does: in their order, with every column, and a second
 * time with the hidden ones. The database makes the lines and writes them.
 *
 * @param path folder and name of the stream
 * @returns how many rows were written; the stream exists only when this is fulfilled
 */
export async function writeDataSetStream(
  task: Task,
  path: string,
  rows: DataSet,
  choice: RowChoice | null = null,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  const visible = rows.columns.filter((column) => !isHidden(column));
  const files = [{ path, columns: visible }];
  if (visible.length < rows.columns.length)
    files.push({ path: completePath(path), columns: [...rows.columns] });
  task.expect(files.length - 1);
  let written = 0;
  for (const file of files) {
    await writeLines(task, `${file.path}.ndjson`, rows, file.columns, choice);
    written = await writeRowIndex(file.path);
  }
  const description: InputDescription = { columns: rows.columns, rows: written };
  await writeJsonFile(`${path}.json`, description);
  return written;
}

/** Writes the lines of some columns; the file is whole and on disk, or not there. */
async function writeLines(
  task: Task,
  path: string,
  rows: DataSet,
  columns: readonly string[],
  choice: RowChoice | null,
): Promise<void> {
  const { from, cell } = relationOf(rows, 'source');
  const line = lineExpression(columns.map((column) => ({ column, text: cell(column) })));
  const chosen = choice ? ` POSITIONAL JOIN ${choice.beside} WHERE ${choice.where}` : '';
  // An empty data set has no place beside which anything could stand.
  const source = rows.rows === 0 ? `SELECT '' AS line WHERE false` : `SELECT ${line} FROM ${from}${chosen}`;
  const temporary = `${path}.new`;
  try {
    await task.run(`COPY (${source}) TO ${literal(temporary)} (${RAW_LINES})`);
    const handle = await open(temporary, 'r+');
    await handle.datasync().finally(() => handle.close());
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
