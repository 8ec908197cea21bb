import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetOptions, writeDataSet } from './data-set-file.ts';
import { type DuckDb, literal } from './duckdb.ts';
import { countMainRows } from './merge-counts.ts';
import { type JoinedColumn, type MergePlan, planMerge } from './merge-plan.ts';
import type { JoinedSource, MergeSources, SourceCounts } from './merge-sources.ts';
import { type RowSource, relationOf } from './row-source.ts';
import { Task, type TaskControl } from './task.ts';

export interface Merged {
  readonly columns: readonly string[];
  readonly rows: number;
  /** As in {@link MergeSources}. */
  readonly main: readonly SourceCounts[];
  readonly joined: readonly SourceCounts[];
}

/** Columns that are gathered at a time, however few rows there are. */
const MAX_GATHERED_COLUMNS = 200;
/** Bytes that a cell may take while values are gathered, its place in a hash table and a sort included. */
const BYTES_PER_CELL = 64;

/**
 * Merges sources into a data set (product.md 4.3): main rows are appended in their order; joined sources apply one after
 * the other, each to what the sources before it made; no row is merged or dropped.
 *
 * Main rows are never sorted, and never held in memory. What a joined source gives is gathered first, for some columns at a
 * time, into files with one row for every main row; reading them side by side with the main rows then makes the merged
 * ones. So the memory that is needed does not depend on how wide the rows are.
 *
 * @param path file to be written, replaced when it exists; `<path>.work` is used meanwhile
 */
export async function mergeDataSets(
  duckdb: DuckDb,
  sources: MergeSources,
  path: string,
  control: TaskControl = {},
): Promise<Merged> {
  const work = `${path}.work`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    return await duckdb.with(async (connection) => {
      const plan = planMerge(sources);
      const task = await Task.begin(connection, control);
      task.expect(2 + 3 * sources.joined.length);
      const main = await countMainRows(task, sources);
      const merge = new Merge(task, plan, await baseOf(task, sources, plan, work), work, duckdb.memoryMb);
      const joined: SourceCounts[] = [];
      for (const [index, source] of sources.joined.entries()) joined.push(await merge.apply(source, index));
      const rows = await merge.write(path);
      task.finish();
      const expected = main.reduce((sum, counts) => sum + counts.rows, 0);
      if (rows !== expected) throw new Error(`Of ${expected} rows ${rows} were merged.`);
      return { columns: plan.columns, rows, main, joined };
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The main rows as one source. Lines without prefixes are read where they are; all others are brought together. */
async function baseOf(
  task: Task,
  { main }: MergeSources,
  { mainColumns }: MergePlan,
  work: string,
): Promise<RowSource> {
  const [only] = main;
  if (main.length === 1 && only && !only.prefix) return only.rows;
  const lines = main.flatMap(({ rows, prefix }) => ('files' in rows && !prefix ? [rows] : []));
  if (lines.length === main.length) {
    return {
      files: lines.flatMap(({ files }) => files),
      columns: mainColumns.map(({ name }) => name),
      rows: lines.reduce((sum, { rows }) => sum + rows, 0),
      bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
      longestLine: Math.max(0, ...lines.map(({ longestLine }) => longestLine)),
    };
  }
  task.expect(1);
  const parts = main.map(({ rows }, index) => {
    const { from, cell } = relationOf(rows, 'source');
    const values = mainColumns.map(({ origins }, place) => {
      const cells = origins.filter(({ source }) => source === index).map(({ column }) => cell(column));
      return `${firstFilled(cells)} AS v${place}`;
    });
    return `SELECT ${['NULL AS nothing', ...values].join()} FROM ${from}`;
  });
  const path = join(work, 'main.parquet');
  const columns = mainColumns.map(({ name }, place) => ({ name, value: `v${place}` }));
  const rows = await writeDataSet(task, path, columns, () => `(${parts.join(' UNION ALL ')})`);
  return { path, columns: columns.map(({ name }) => name), rows };
}

/** The first of some cells that is not empty. */
const firstFilled = (cells: readonly string[]): string =>
  cells.length === 1
    ? cells[0]!
    : `coalesce(${['NULL', ...cells.map((cell) => `nullif(${cell}, '')`)].join()})`;

/** A file of gathered values: one row for every main row. */
interface Gathered {
  readonly path: string;
  readonly alias: string;
}

/** A merge under way: how each column is made from the main rows and the values gathered so far. */
class Merge {
  readonly #task: Task;
  readonly #plan: MergePlan;
  readonly #base: RowSource;
  readonly #work: string;
  readonly #cells: number;
  readonly #gathered: Gathered[] = [];
  /** Column → its expression, as far as sources have applied. */
  readonly #values: Map<string, string>;

  constructor(task: Task, plan: MergePlan, base: RowSource, work: string, memoryMb: number) {
    this.#task = task;
    this.#plan = plan;
    this.#base = base;
    this.#work = work;
    this.#cells = Math.floor((memoryMb * 1024 * 1024) / BYTES_PER_CELL);
    const { cell } = relationOf(base, 'base');
    this.#values = new Map(plan.mainColumns.map(({ name }) => [name, cell(name)]));
  }

  async apply(source: JoinedSource, index: number): Promise<SourceCounts> {
    const { rows } = source.rows;
    const columns = this.#plan.joined[index]!;
    const match = source.match === null ? undefined : this.#values.get(source.match);
    const canMatch = match !== undefined && source.key !== null && source.rows.columns.includes(source.key);
    if (rows === 0 || !canMatch) {
      for (const { target } of columns) if (!this.#values.has(target)) this.#values.set(target, 'NULL');
      return { rows, repeated: 0, withoutId: 0, unmatched: rows };
    }
    const keys = `SELECT row_number() OVER () - 1 AS row, coalesce(${match}, '') AS key FROM ${this.#from([match])}`;
    await this.#task.run(`CREATE OR REPLACE TEMP TABLE keys AS ${keys}`);
    const { from, cell } = relationOf(source.rows, 'source');
    const key = cell(source.key as string);
    const [counted] = await this.#task.run(
      `SELECT count(*) FILTER (key IN (SELECT key FROM keys)), count(*) - count(DISTINCT key) > 0
       FROM (SELECT ${key} AS key FROM ${from}) WHERE key <> ''`,
    );
    const [matched, repeats] = [Number(counted![0]), counted![1] === true];
    const fitting = Math.floor(this.#cells / Math.max(rows, this.#base.rows));
    const step = Math.min(MAX_GATHERED_COLUMNS, Math.max(1, fitting));
    const steps = Math.ceil(columns.length / step);
    this.#task.expect(steps - 1);
    for (let at = 0; at < columns.length; at += step) {
      await this.#gather(source, key, columns.slice(at, at + step), repeats);
    }
    await this.#task.connection.run('DROP TABLE keys');
    return { rows, repeated: 0, withoutId: 0, unmatched: rows - matched };
  }

  async write(path: string): Promise<number> {
    const columns = this.#plan.columns.map((name) => ({ name, value: this.#values.get(name)! }));
    return await writeDataSet(this.#task, path, columns, (values) => this.#from(values));
  }

  /** Writes what the source gives to each main row in some columns, and lets it take part from now on. */
  async #gather(
    source: JoinedSource,
    key: string,
    columns: readonly JoinedColumn[],
    repeats: boolean,
  ): Promise<void> {
    const alias = `g${this.#gathered.length}`;
    const path = join(this.#work, `${alias}.parquet`);
    const { from, cell } = relationOf(source.rows, 'source');
    const cells = columns.map(({ column }, place) => `nullif(${cell(column)}, '') AS v${place}`).join();
    const names = columns.map((_, place) => `v${place}`);
    const pick = source.join === 'fill' ? 'arg_min' : 'arg_max';
    const given = repeats
      ? `SELECT key, ${names.map((name) => `${pick}(${name}, place) FILTER (${name} IS NOT NULL) AS ${name}`).join()}
         FROM (SELECT row_number() OVER () AS place, ${key} AS key, ${cells} FROM ${from}) WHERE key <> '' GROUP BY key`
      : `SELECT key, ${names.join()} FROM (SELECT ${key} AS key, ${cells} FROM ${from}) WHERE key <> ''`;
    await this.#task.run(
      `COPY (SELECT ${names.map((name) => `given.${name}`).join()}
             FROM keys LEFT JOIN (${given}) AS given ON given.key = keys.key ORDER BY keys.row)
       TO ${literal(path)} (${parquetOptions(columns.length, 'lz4_raw')})`,
    );
    this.#gathered.push({ path, alias });
    for (const [place, { target }] of columns.entries()) {
      const [before, value] = [this.#values.get(target), `${alias}.v${place}`];
      this.#values.set(target, before === undefined ? value : combine(source.join, before, value));
    }
  }

  /** The main rows side by side with the files that some expressions read. */
  #from(expressions: readonly string[]): string {
    const used = this.#gathered.filter(({ alias }) =>
      expressions.some((expression) => expression.includes(`${alias}.`)),
    );
    const files = used.map(
      ({ path, alias }) => ` POSITIONAL JOIN read_parquet([${literal(path)}]) AS ${alias}`,
    );
    return relationOf(this.#base, 'base').from + files.join('');
  }
}

/** Gathered values are null where there is none; what was there before may also be empty. */
const combine = (join: JoinedSource['join'], before: string, value: string): string =>
  join === 'fill' ? `coalesce(nullif(${before}, ''), ${value})` : `coalesce(${value}, ${before})`;
