import { Readable } from 'node:stream';
import { type FieldErrors, type operations, type Page, texts } from '@slipway/contract';
import {
  type DataSetPage,
  type DuckDb,
  profileDataSet,
  type RowFilter,
  type RowSelection,
  readDataSet,
  streamDataSet,
} from '@slipway/records';
import { type Context, inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input, StreamVerb, Verb } from '../http/route.ts';
import { dataSetFile } from './data-set-files.ts';
import { duckDbOf } from './duckdb.ts';
import { csvLine } from './row-text.ts';
import { onColumns, parseFilter, parseSort, systemColumn } from './view-query.ts';

type Operation = (typeof operations)['platformDataShow'];
type Profile = (typeof operations)['platformDataProfile'];

/** A view of one data set: what is shown of which file. */
interface View {
  dataSet: number;
  path: string;
  columns: readonly string[];
  /** Null: no row can pass the filter. */
  selection: RowSelection | null;
}

const nothing: DataSetPage = { columns: [], allColumns: [], rows: [], total: 0 };

/** One page, pinned to the data set it began with. */
export const dataShow: Verb<Operation> = async (context, input) => {
  const { page } = input;
  const cursor = page.after === null ? null : decode(page.after);
  const view = await viewOf(context, input, cursor?.dataSet ?? null);
  await record(context, input, 'platform_data_show');
  const from = cursor?.from ?? page.from;
  if (view === null) return { items: [], total: 0, from, after: null };
  const { rows, total } = await readPage(duckDbOf(context.services), view, from, page.limit);
  const reached = from + rows.length;
  return {
    items: rows,
    total,
    from,
    after: rows.length > 0 && reached < total ? encode({ dataSet: view.dataSet, from: reached }) : null,
    headers: { 'slipway-data-set': String(view.dataSet) },
  };
};

const readPage = async (
  duckdb: DuckDb,
  { path, selection }: View,
  offset: number,
  limit: number,
): Promise<DataSetPage> =>
  selection === null ? nothing : readDataSet(duckdb, path, selection, { offset, limit });

/** All rows (or those of the page, when one was asked for) as lines of JSON or CSV, in memory that stays small. */
export const dataShowStream: StreamVerb<Operation> = async (context, input, type) => {
  const view = await viewOf(context, input, null);
  await record(context, input, 'platform_data_show');
  if (view === null) return { stream: Readable.from([]) };
  const json = jsonLines(duckDbOf(context.services), view, input.page);
  const lines = type === 'text/csv' ? csvLines(view.columns, json) : json;
  return {
    stream: Readable.from(lines, { objectMode: false }),
    headers: { 'slipway-data-set': String(view.dataSet) },
  };
};

/** What the values of each column look like, in column order. */
export const dataProfile: Verb<Profile> = async (context, input) => {
  const view = await viewOf(context, input, null);
  await record(context, input, 'platform_data_profile');
  if (view === null) return [];
  // A filter that no row can pass leaves columns without values.
  const selection = view.selection ?? { columns: view.columns, filter: passesNothing(view.columns) };
  const profiles = await profileDataSet(duckDbOf(context.services), view.path, selection);
  return profiles.map(({ distinctEstimated, shortest, longest, least, greatest, frequent, ...counts }) => ({
    ...counts,
    'distinct-estimated': distinctEstimated,
    shortest,
    longest,
    least,
    greatest,
    frequent: [...frequent],
  }));
};

/** Conditions that contradict each other. */
const passesNothing = ([column]: readonly string[]): RowFilter[] =>
  column === undefined
    ? []
    : [
        { column, operator: 'empty' },
        { column, operator: 'not-empty' },
      ];

/** Parts of whole lines. */
async function* jsonLines(duckdb: DuckDb, view: View, page: Page): AsyncGenerator<string> {
  if (view.selection === null) return;
  if (page.limited) {
    const { rows } = await readPage(duckdb, view, page.from, page.limit);
    if (rows.length > 0) yield `${rows.join('\n')}\n`;
    return;
  }
  let skip = page.from;
  for await (const part of streamDataSet(duckdb, view.path, view.selection)) {
    const text = part.toString('utf8');
    if (skip === 0) yield text;
    else {
      const lines = text.split('\n').slice(0, -1);
      const rest = lines.slice(skip);
      skip -= lines.length - rest.length;
      if (rest.length > 0) yield `${rest.join('\n')}\n`;
    }
  }
}

async function* csvLines(columns: readonly string[], json: AsyncIterable<string>): AsyncGenerator<string> {
  if (columns.length === 0) return;
  yield csvLine(columns);
  for await (const part of json) {
    const lines = part.split('\n').slice(0, -1);
    yield lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .map((row) => csvLine(columns.map((column) => row[column] ?? '')))
      .join('');
  }
}

/** Showing rows of a site is on record (1.13). */
const record = (
  context: Context,
  { subject }: Pick<Input<Operation>, 'subject'>,
  action: 'platform_data_show' | 'platform_data_profile',
): Promise<void> =>
  inTransaction(context, (work) =>
    audit(work, { action, entity: { type: 'site', id: subject.id, name: subject.name } }),
  );

/** What both operations say of the rows they look at, and what only the page says. */
type ViewInput = Pick<Input<Profile>, 'subject' | 'query'> & {
  query: Pick<Input<Operation>['query'], 'sort' | 'columns'>;
};

/**
 * What the request asks to see; null while the site has no data set.
 *
 * @param pinned the data set that a cursor belongs to
 * @throws 400 with every faulty query
 */
async function viewOf(
  context: Context,
  { subject, query }: ViewInput,
  pinned: number | null,
): Promise<View | null> {
  const errors: FieldErrors = {};
  if (query.stage === 'export') {
    // A site has no exports yet, so none can be found.
    errors.export = query.export === undefined ? texts.blank : 'Export not found.';
  }
  const filter = parseFilter(query.filter);
  const sort = parseSort(query.sort);
  if (filter === null) errors.filter = texts.invalid;
  if (sort === null) errors.sort = texts.invalid;
  const wanted = pinned ?? query['data-set'] ?? null;
  const found = await dataSetFile(context, subject.id, wanted);
  if (found === null && wanted !== null) errors['data-set'] = 'Data set not found.';
  if (Object.keys(errors).length > 0 || filter === null || sort === null) throw badRequest(errors);
  if (found === null) return null;
  const { id, path, columns } = found;
  const shown = columns.filter((column) => query.system === true || !systemColumn(column));
  const chosen = query.columns === undefined ? shown : pick(columns, query.columns.split(','));
  const known = onColumns(columns, { filter, sort });
  return { dataSet: id, path, columns: chosen, selection: known && { ...known, columns: chosen } };
}

/** The columns that were asked for by name, in that order; what the data set has not is left out. */
const pick = (columns: readonly string[], wanted: readonly string[]): string[] =>
  [...new Set(wanted)].filter((column) => columns.includes(column));

interface Cursor {
  dataSet: number;
  from: number;
}

const encode = ({ dataSet, from }: Cursor): string =>
  Buffer.from(JSON.stringify([dataSet, from])).toString('base64url');

/** @throws 400 `{"after":"This value is not valid."}` */
function decode(after: string): Cursor {
  try {
    const [dataSet, from, ...rest] = JSON.parse(Buffer.from(after, 'base64url').toString()) as number[];
    const numbers = [dataSet, from].every((part) => Number.isSafeInteger(part) && Number(part) >= 0);
    if (numbers && rest.length === 0) return { dataSet: dataSet as number, from: from as number };
  } catch {
    // Falls through: it was no cursor of ours.
  }
  throw badRequest({ after: texts.invalid });
}
