import type { OutputDescription } from '../streams/output-files.ts';
import { writeDataSet } from './data-set-file.ts';
import type { DuckDb } from './duckdb.ts';
import { relationOf } from './row-source.ts';
import { Task, type TaskControl } from './task.ts';

/**
 * Loads an output stream into a data set: all columns of the union as text, `""` where a row has no value, rows in order.
 * The file appears under its name only when it is complete.
 *
 * @param path file to be written; replaced when it exists
 * @returns number of rows
 */
export async function loadDataSet(
  duckdb: DuckDb,
  output: OutputDescription,
  path: string,
  control: TaskControl = {},
): Promise<number> {
  return await duckdb.with(async (connection) => {
    const task = await Task.begin(connection, control);
    task.expect(1);
    const { from, cell } = relationOf(output, 'source');
    const columns = output.columns.map((name) => ({ name, value: cell(name) }));
    return await writeDataSet(task, path, columns, () => from);
  });
}
