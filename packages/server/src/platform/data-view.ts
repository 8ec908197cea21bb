import { Readable } from 'node:stream';
import { type FieldErrors, type operations, texts } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input, StreamVerb, Verb } from '../http/route.ts';
import { dataSetFile } from './data-set-files.ts';
import { countMatching, type DataQuery, readRows } from './data-set-io.ts';
import { csvLine, jsonRow } from './row-text.ts';
import { parseFilter, parseSort, systemColumn } from './view-query.ts';

type Operation = (typeof operations)['platformDataShow'];

/** A view of one data set: what is shown of which file. */
interface View {
  dataSet: number;
  path: string;
  query: DataQuery;
}

/** One page, pinned to the data set it began with. */
export const dataShow: Verb<Operation> = async (context, input) => {
  const { page } = input;
  const cursor = page.after === null ? null : decode(page.after);
  const view = await viewOf(context, input, cursor?.dataSet ?? null);
  await record(context, input);
  const from = cursor?.from ?? page.from;
  if (view === null) return { items: [], total: 0, from, after: null };
  const items: string[] = [];
  const total = await countMatching(view.path, view.query);
  for await (const rows of readRows(view.path, view.query, { from, limit: page.limit })) {
    items.push(...rows.map((row) => jsonRow(view.query.columns, row)));
  }
  const reached = from + items.length;
  return {
    items,
    total,
    from,
    after: items.length > 0 && reached < total ? encode({ dataSet: view.dataSet, from: reached }) : null,
    headers: { 'slipway-data-set': String(view.dataSet) },
  };
};

/** All rows (or those of the page, when one was asked for) as lines of JSON or CSV, in memory that stays small. */
export const dataShowStream: StreamVerb<Operation> = async (context, input, type) => {
  const { page } = input;
  const view = await viewOf(context, input, null);
  await record(context, input);
  const csv = type === 'text/csv';
  const range = { from: page.from, limit: page.limited ? page.limit : null };
  const headers = view === null ? {} : { 'slipway-data-set': String(view.dataSet) };
  return { stream: Readable.from(lines(view, range, csv), { objectMode: false }), headers };
};

async function* lines(
  view: View | null,
  range: { from: number; limit: number | null },
  csv: boolean,
): AsyncGenerator<string> {
  if (view === null) return;
  const { columns } = view.query;
  if (csv && columns.length > 0) yield csvLine(columns);
  for await (const rows of readRows(view.path, view.query, range)) {
    yield rows.map((row) => (csv ? csvLine(row) : `${jsonRow(columns, row)}\n`)).join('');
  }
}

/** Showing rows of a site is on record (1.13). */
const record = (context: Context, { subject }: Pick<Input<Operation>, 'subject'>): Promise<void> =>
  inTransaction(context, (work) =>
    audit(work, {
      action: 'platform_data_show',
      entity: { type: 'site', id: subject.id, name: subject.name },
    }),
  );

/**
 * What the request asks to see; null while the site has no data set.
 *
 * @param pinned the data set that a cursor belongs to
 * @throws 400 with every faulty query
 */
async function viewOf(
  context: Context,
  { subject, query }: Pick<Input<Operation>, 'subject' | 'query'>,
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
  return { dataSet: id, path, query: { all: columns, columns: chosen, filter, sort } };
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
