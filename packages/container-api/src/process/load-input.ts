import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import {
  ByteSink,
  describeOutput,
  type FlattenedCall,
  MAX_COLUMNS,
  OutputStream,
  RowLinesReader,
  readLines,
  type StagedRows,
  writeInputStream,
} from '@slipway/records';
import { parse as parseCsv } from 'csv-parse';
import { rowProblemText } from '../operations/output-rules.ts';
import { type InputSource, RunConfigError } from './run-config.ts';

/** Flattened rows that are held in memory before they go to a file. */
const SPILL_AT = 1024 * 1024;

/** How the rows of a file become the rows of a stream. */
export interface LoadOptions {
  /** Folder for rows on their way; removed again. */
  readonly workFolder: string;
  readonly separator: string;
  /** What messages call the source, such as `inputs.input`. */
  readonly name: string;
}

/**
 * Makes an input stream of rows that were given: they are flattened as a connector's writes are, and every row gets all
 * columns. Memory stays flat for files of any size, those in the format `json` excepted.
 *
 * @param path folder and name of the stream, as `writeInputStream` takes it
 * @param source its file's path is absolute
 * @returns how many rows it has
 * @throws {RunConfigError} when the file can not be read or a row is wrong
 */
export async function loadInput(path: string, source: InputSource, options: LoadOptions): Promise<number> {
  const loading = join(options.workFolder, 'rows');
  await rm(options.workFolder, { recursive: true, force: true });
  const stream = await OutputStream.open(loading);
  try {
    await flattenInto(stream, linesOf(source, options.name), options);
    await stream.close();
  } finally {
    await stream.dispose();
  }
  const { files, columns } = await describeOutput(loading);
  const rows = await writeInputStream(path, columns, valuesOf(files, columns));
  await rm(options.workFolder, { recursive: true, force: true });
  return rows;
}

async function flattenInto(
  stream: OutputStream,
  lines: AsyncIterable<Buffer>,
  { separator, name }: LoadOptions,
): Promise<void> {
  const sink = new ByteSink(64 * 1024);
  const reader = new RowLinesReader({ columns: stream.columns, separator, sink });
  let staged: StagedRows | null = null;
  for await (const line of lines) {
    reader.lines(line);
    if (sink.length <= SPILL_AT) continue;
    staged ??= await stream.stage();
    await staged.spill(sink);
  }
  const { call } = reader;
  if (!call.hasRows) return;
  refuseWrongRows(name, call, call.malformedRow);
  const { flattener } = call;
  const rows = { lines: flattener.lines, rows: flattener.rows, newColumns: flattener.newColumns };
  await (staged ? stream.appendStaged(staged, rows) : stream.append(rows));
}

/** @throws {RunConfigError} that names the first wrong rows, counted from 1 */
function refuseWrongRows(name: string, call: FlattenedCall, malformedRow: number | null): void {
  const problems = [...call.wrongRows].map(
    ([index, problem]) => `  row ${index + 1}: ${rowProblemText(problem)}`,
  );
  if (malformedRow !== null) problems.push(`  row ${malformedRow + 1}: This value is not valid JSON.`);
  if (call.flattener.tooManyColumns) problems.push(`  There are more than ${MAX_COLUMNS} columns.`);
  if (problems.length > 0) throw new RunConfigError([`${name} can not be read:`, ...problems].join('\n'));
}

/** The rows of a source as JSON texts, each with a line break. */
async function* linesOf({ file, format, rows }: InputSource, name: string): AsyncGenerator<Buffer> {
  if (file === undefined) {
    for (const row of rows ?? []) yield Buffer.from(`${JSON.stringify(row)}\n`);
    return;
  }
  try {
    switch (format ?? formatOf(file)) {
      case 'csv':
        return yield* csvLines(file);
      case 'json':
        return yield* jsonLines(file);
      default:
        return yield* ndjsonLines(file);
    }
  } catch (error) {
    if (error instanceof RunConfigError) throw error;
    throw new RunConfigError(`${name} can not be read: ${(error as Error).message}`);
  }
}

const formatOf = (file: string): InputSource['format'] => {
  const ending = extname(file).toLowerCase();
  return ending === '.csv' ? 'csv' : ending === '.json' ? 'json' : 'ndjson';
};

async function* ndjsonLines(file: string): AsyncGenerator<Buffer> {
  for await (const line of readLines(file, { lastLine: true })) {
    yield Buffer.concat([line, NEWLINE]);
  }
}

/** A JSON list of rows. Numbers are printed anew: text keeps them as they are. */
async function* jsonLines(file: string): AsyncGenerator<Buffer> {
  const rows: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!Array.isArray(rows)) throw new Error('it should hold a list of rows');
  for (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
}

/** The first line names the columns. Rows are put together as text: objects would move names such as `10` to the front. */
async function* csvLines(file: string): AsyncGenerator<Buffer> {
  const records = parseCsv({ bom: true, relax_column_count_less: true });
  createReadStream(file)
    .on('error', (error) => records.destroy(error))
    .pipe(records);
  let names: string[] | null = null;
  for await (const values of records as AsyncIterable<string[]>) {
    if (names === null) {
      names = values.map((name) => JSON.stringify(name));
      continue;
    }
    const fields = values.map((value, index) => `${names![index]}:${JSON.stringify(value)}`);
    yield Buffer.from(`{${fields.join(',')}}\n`);
  }
}

const NEWLINE = Buffer.from('\n');

async function* valuesOf(
  files: readonly string[],
  columns: readonly string[],
): AsyncGenerator<(string | undefined)[]> {
  for (const file of files) {
    for await (const line of readLines(file)) {
      const row = JSON.parse(line.toString('utf8')) as Record<string, string>;
      yield columns.map((column) => (Object.hasOwn(row, column) ? row[column] : undefined));
    }
  }
}
