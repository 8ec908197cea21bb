import { access, cp, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runFolder, STREAMS } from '@slipway/container-api';
import { type BodyOf, type ConnectorType, type operations, texts } from '@slipway/contract';
import { ColumnRegister, WriteRequestReader, writeInputStream } from '@slipway/records';
import type { Context } from '../context.ts';
import { badRequest, type Refusal } from '../errors.ts';
import type { Services } from '../services.ts';
import { linkFiles } from '../storage/files.ts';

type Input = NonNullable<BodyOf<(typeof operations)['runCreate']>['input']>;

/**
 * Stores rows that are given with a manual run as its input streams; streams of the type that are not named are empty.
 *
 * @throws 400 when the type has no such stream, or a row is too deep
 */
export async function storeGivenRows(
  services: Services,
  runId: string,
  type: ConnectorType,
  rows: Exclude<Input, { run: string }>['rows'],
): Promise<void> {
  const { inputs } = STREAMS[type];
  // `full` is another name of `input`.
  const given = new Map(
    Object.entries(rows).map(([stream, list]) => [stream === 'full' ? 'input' : stream, list]),
  );
  const known: readonly string[] = inputs;
  if ([...given.keys()].some((stream) => !known.includes(stream))) throw badRequest({ input: texts.invalid });
  const folder = runFolder(await services.storage.folder('runs', runId));
  for (const stream of inputs) {
    const { columns, lines } = flatten(given.get(stream) ?? []);
    await writeInputStream(folder.input(stream), columns, valuesOf(columns, lines));
  }
}

/** Flattens as a write to the Container API does, so that a test sees the rows a site would have. */
function flatten(rows: readonly Record<string, unknown>[]): { columns: readonly string[]; lines: string[] } {
  if (rows.length === 0) return { columns: [], lines: [] };
  const columns = new ColumnRegister();
  const reader = new WriteRequestReader(Buffer.from(`${JSON.stringify({ data: rows })} `), {
    columns,
    separator: '-',
  });
  reader.step(Number.POSITIVE_INFINITY);
  const { flattener, wrongRows } = reader.call;
  if (wrongRows.size > 0) throw badRequest({ input: texts.invalid });
  const text = Buffer.from(flattener.lines.view()).toString('utf8');
  return { columns: columns.unknown(flattener.newColumns), lines: text.split('\n').slice(0, -1) };
}

async function* valuesOf(
  columns: readonly string[],
  lines: readonly string[],
): AsyncGenerator<(string | undefined)[]> {
  for (const line of lines) {
    const row = JSON.parse(line) as Record<string, string>;
    yield columns.map((column) => (Object.hasOwn(row, column) ? row[column] : undefined));
  }
}

/**
 * Gives a new run the input of an earlier one: its rows, and the files its exchange folder began with. Both runs share
 * the content, since an input is never written to.
 *
 * @throws gone when it is no longer stored, or the caller may not read the rows of that run's site
 */
export async function copyInput(
  context: Context,
  from: string,
  to: string,
  type: ConnectorType,
  gone: Refusal,
): Promise<void> {
  const { db, services } = context;
  const run = await db
    .selectFrom('runs')
    .select(['site_id as site', 'input_available as available'])
    .where('id', '=', from)
    .executeTakeFirst();
  if (!run || (await services.platform.rightOnSite(context, run.site)) === 'none') throw gone;
  if (!readsInput(type)) return;
  if (!run.available) throw gone;
  const source = runFolder(await services.storage.folder('runs', from));
  const target = runFolder(await services.storage.folder('runs', to));
  for (const stream of STREAMS[type].inputs) {
    if (!(await exists(`${source.input(stream)}.json`))) throw gone;
  }
  const folders = [
    [dirname(source.input('input')), dirname(target.input('input'))],
    [source.given, target.given],
  ] as const;
  for (const [given, taken] of folders) if (await exists(given)) await linkFiles(given, taken);
}

/** Does a connector of the type begin with rows or files of its site? */
export const readsInput = (type: ConnectorType): boolean =>
  STREAMS[type].inputs.length > 0 || type === 'transform' || type === 'upload';

/**
 * Puts the files with which a run begins into its exchange folder, and keeps them as its input.
 *
 * @param files null: those it was given when it was made, if any
 */
export async function prepareFiles(services: Services, runId: string, files: string | null): Promise<void> {
  const { given, exchange } = runFolder(await services.storage.folder('runs', runId));
  if (files !== null) await linkFiles(files, given);
  if (await exists(given)) await cp(given, exchange, { recursive: true });
}

/**
 * Makes the input streams of a run that was given none: the present rows of its site. The first export of a site has all
 * rows as new ones, since there is nothing to compare them with.
 */
export async function prepareInput(
  services: Services,
  run: { id: string; site: number; type: ConnectorType },
): Promise<void> {
  const { inputs } = STREAMS[run.type];
  const folder = runFolder(await services.storage.folder('runs', run.id));
  await mkdir(dirname(folder.input('input')), { recursive: true });
  for (const stream of inputs) {
    if (await exists(`${folder.input(stream)}.json`)) continue;
    const filled = stream === 'input' || stream === 'new';
    const present = filled ? await services.platform.presentRows(services.db, run.site) : null;
    await writeInputStream(folder.input(stream), present?.columns ?? [], present?.rows ?? valuesOf([], []));
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
