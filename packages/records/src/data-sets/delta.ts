import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDb, literal } from './duckdb.ts';
import { type DataSet, relationOf } from './row-source.ts';
import { Task, type TaskControl } from './task.ts';
import { writeDataSetStream } from './write-data-set-stream.ts';

/** Streams of a delta; `input` is all present rows that are in one of the others. */
export const DELTA_STREAMS = ['new', 'modified', 'unchanged', 'deleted', 'input'] as const;
export type DeltaStream = (typeof DELTA_STREAMS)[number];

export interface DeltaRule {
  /** Column that tells which rows are the same one. */
  readonly key: string;
  /** Columns whose change makes a row modified; all of the present rows when left out. The key never counts. */
  readonly tracked?: readonly string[];
  /** Columns that do not count in any case. */
  readonly ignored?: readonly string[];
}

export interface DeltaCounts {
  readonly new: number;
  readonly modified: number;
  readonly unchanged: number;
  readonly deleted: number;
  /** Present rows without a key, and second and later ones with the same key. */
  readonly skipped: number;
}

/** How rows are marked in the files of marks. */
const MARKS = { new: 1, modified: 2, unchanged: 3, deleted: 4 } as const;

const CONDITIONS: Readonly<Record<DeltaStream, string>> = {
  new: `mark = ${MARKS.new}`,
  modified: `mark = ${MARKS.modified}`,
  unchanged: `mark = ${MARKS.unchanged}`,
  deleted: `mark = ${MARKS.deleted}`,
  input: 'mark > 0',
};

/**
 * Compares data sets by a key and writes input streams of what has changed (product.md 4.7): present rows in their order,
 * deleted ones in the order of the baseline, with their former values. A missing column equals an empty one.
 *
 * Rows are compared by the MD5 of their tracked values, so that a comparison needs some sixty bytes a row however long
 * or wide they are.
 *
 * @param baseline rows of the last successful export; null: there was none, and all rows are new
 * @param streams folder and name of each stream that is wanted, as for {@link writeInputStream}
 */
export async function writeDelta(
  duckdb: DuckDb,
  { present, baseline }: { readonly present: DataSet; readonly baseline: DataSet | null },
  rule: DeltaRule,
  streams: Readonly<Partial<Record<DeltaStream, string>>>,
  work: string,
  control: TaskControl = {},
): Promise<DeltaCounts> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    return await duckdb.with(async (connection) => {
      const wanted = DELTA_STREAMS.filter((stream) => streams[stream] !== undefined);
      const task = await Task.begin(connection, control);
      task.expect(5 + wanted.length);
      const marks = { present: join(work, 'present.parquet'), baseline: join(work, 'baseline.parquet') };
      const counts = await mark(task, present, baseline, rule, marks);
      for (const stream of wanted) {
        const rows = stream === 'deleted' ? (baseline ?? { ...present, rows: 0 }) : present;
        const marked = stream === 'deleted' && baseline ? marks.baseline : marks.present;
        await writeDataSetStream(task, streams[stream]!, rows, {
          beside: `read_parquet([${literal(marked)}])`,
          where: CONDITIONS[stream],
        });
      }
      task.finish();
      return counts;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Writes what becomes of each row, one mark for each row in their order. */
async function mark(
  task: Task,
  present: DataSet,
  baseline: DataSet | null,
  rule: DeltaRule,
  files: { readonly present: string; readonly baseline: string },
): Promise<DeltaCounts> {
  const { tracked = present.columns, ignored = [] } = rule;
  const left = new Set([rule.key, ...ignored]);
  const compared = [...new Set(tracked)].filter((column) => !left.has(column));
  await task.run(`CREATE OR REPLACE TEMP TABLE present AS ${firstRows(present, rule.key, compared)}`);
  await task.run(
    baseline
      ? `CREATE OR REPLACE TEMP TABLE baseline AS ${firstRows(baseline, rule.key, compared)}`
      : 'CREATE OR REPLACE TEMP TABLE baseline AS SELECT * FROM present LIMIT 0',
  );
  const of = (name: string, rows: DataSet, marked: string) =>
    `COPY (SELECT coalesce(marked.mark, 0)::UTINYINT AS mark
           FROM range(${rows.rows}) AS place(row) LEFT JOIN (${marked}) AS marked ON marked.row = place.row
           ORDER BY place.row) TO ${literal(files[name as 'present'])} (FORMAT parquet)`;
  await task.run(
    of(
      'present',
      present,
      `SELECT p.row, CASE WHEN b.row IS NULL THEN ${MARKS.new} WHEN p.digest = b.digest THEN ${MARKS.unchanged}
              ELSE ${MARKS.modified} END AS mark
       FROM present AS p LEFT JOIN baseline AS b ON b.key = p.key`,
    ),
  );
  if (baseline) {
    const gone = `SELECT row, ${MARKS.deleted} AS mark FROM baseline AS b ANTI JOIN present AS p ON b.key = p.key`;
    await task.run(of('baseline', baseline, gone));
  }
  const written = [files.present, ...(baseline ? [files.baseline] : [])].map(literal);
  const counted = await task.run(
    `SELECT mark, count(*) FROM read_parquet([${written.join()}]) GROUP BY mark`,
  );
  await task.connection.run('DROP TABLE present; DROP TABLE baseline');
  const count = (mark: number): number => Number(counted.find(([found]) => found === mark)?.[1] ?? 0);
  const counts = {
    new: count(MARKS.new),
    modified: count(MARKS.modified),
    unchanged: count(MARKS.unchanged),
    deleted: count(MARKS.deleted),
  };
  return { ...counts, skipped: present.rows - counts.new - counts.modified - counts.unchanged };
}

/** The first row of each key: its place, and a digest of the values that are compared. */
function firstRows(rows: DataSet, key: string, compared: readonly string[]): string {
  const { from, cell } = relationOf(rows, 'source');
  // Lengths go before the values: no two lists of values make the same text.
  const texts = compared.map((column) => {
    const text = rows.columns.includes(column) ? cell(column) : `''`;
    return `strlen(${text}), ' ', ${text}`;
  });
  return `SELECT key, min(row) AS row, arg_min(digest, row) AS digest
    FROM (SELECT row, ${cell(key)} AS key, md5_number(concat('', ${texts.join(', ') || `''`})) AS digest FROM ${from})
    WHERE key <> '' GROUP BY key`;
}
