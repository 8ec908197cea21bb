import type { OutputDescription } from './output-files.ts';
import { readLines } from './read-blocks.ts';

/**
 * The JSON text of a stored row with every column, in order; those it has not are empty text. Put together by hand:
 * objects would move names such as `10` to the front.
 *
 * @param line a line of an output stream
 */
export function fullRow(line: Buffer, columns: readonly string[]): string {
  const row = JSON.parse(line.toString('utf8')) as Record<string, string>;
  const fields = columns.map(
    (column) => `${JSON.stringify(column)}:${JSON.stringify(Object.hasOwn(row, column) ? row[column] : '')}`,
  );
  return `{${fields.join(',')}}`;
}

/** All rows of an output stream in order, each as the text of {@link fullRow}. */
export async function* readFullRows({
  files,
  columns,
}: Pick<OutputDescription, 'files' | 'columns'>): AsyncGenerator<string> {
  for (const file of files) {
    for await (const line of readLines(file)) yield fullRow(line, columns);
  }
}
