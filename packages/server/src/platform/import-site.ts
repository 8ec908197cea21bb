import { isDiskFull } from '@slipway/records';
import { type Context, inTransaction } from '../context.ts';
import { keepCheckpoints } from '../runs/checkpoints.ts';
import { executeRun, type RunOutcome } from '../runs/execute-run.ts';
import { endProcess, type ProcessEnd } from './end-process.ts';
import { exchangeOf, keepExchange } from './exchange-storage.ts';
import type { ClaimedProcess, UsedSource } from './import-parts.ts';
import { emptySources, mergeWarnings, type SourceWarning } from './import-warnings.ts';
import { type MergedFile, mergeSources } from './merge-sources.ts';
import { planImport, type Source, sourcesOf } from './process-plan.ts';
import { type Step, StepBook } from './steps.ts';
import { Cancelled, takeOver } from './take-over.ts';

/** Sources of a process that run at the same time (product.md 9). */
const sourcesAtOnce = 4;

/** How a process is told to end: by a user, or because its worker stops. */
export interface Ending {
  cancelled: AbortSignal;
  stopping: AbortSignal;
}

/** What ends an import before its take-over; the message is the reason that users read. */
class ImportFailed extends Error {}

/**
 * Imports a site: sources, failure policies, merge, guard, take-over (product.md 4.5). Until the take-over nothing that
 * readers see changes. A process that another worker began goes on: runs that have ended are not repeated.
 */
export async function importSite(
  context: Context,
  process: ClaimedProcess,
  ending: Ending,
): Promise<ProcessEnd> {
  const site = await context.services.platform.findSite(context.db, process.site);
  if (!site) throw new Error(`Site ${process.site} is gone.`);
  const sources = await sourcesOf(context, site.id);
  const planned =
    process.steps.length > 0 ? process.steps : await planImport(context, process.id, site, sources);
  const book = new StepBook(context.db, process.id, planned);
  const warnings: SourceWarning[] = [];
  try {
    const used = await runSources(context, book, sources, ending);
    const merged = await merge(context, book, process, used, ending);
    warnings.push(...emptySources(sources, book.steps), ...mergeWarnings(sources, merged));
    await guard(context, book, site.id, merged.rows);
    return await finish(context, book, process, used, merged, warnings);
  } catch (error) {
    book.skipRest();
    const { steps } = book;
    if (error instanceof Cancelled) return { status: 'failed', reason: 'cancelled', steps };
    if (!(error instanceof ImportFailed)) throw error;
    const known = warnings.length > 0 ? warnings : emptySources(sources, steps);
    return { status: 'failed', reason: error.message, steps, warnings: known };
  }
}

async function runSources(
  context: Context,
  book: StepBook,
  sources: readonly Source[],
  ending: Ending,
): Promise<UsedSource[]> {
  const waiting = sources.map((source) => ({
    source,
    steps: book.steps.filter((step) => step.kind === 'source' && step.id === source.id),
  }));
  const results = new Map<number, UsedSource>();
  const next = async (): Promise<void> => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      // Made after the process was begun: it counts from the next one on.
      if (item.steps.length === 0) continue;
      results.set(item.source.id, await runSource(context, book, item.source, item.steps, ending));
    }
  };
  await Promise.all(Array.from({ length: sourcesAtOnce }, next));
  if (ending.cancelled.aborted) throw new Cancelled();
  ending.stopping.throwIfAborted();
  const failed = book.steps.find((step) => step.kind === 'source' && step.status === 'failed');
  if (failed) throw new ImportFailed(`Data source ${failed.name} failed: ${failed.error}`);
  return sources.flatMap((source) => results.get(source.id) ?? []);
}

async function runSource(
  context: Context,
  book: StepBook,
  source: Source,
  steps: readonly Step[],
  ending: Ending,
): Promise<UsedSource> {
  const kept: UsedSource = { source, run: source.lastRun, fresh: null };
  if (source.kind === 'file' || source.status === 'paused') {
    const step = steps[0] as Step;
    if (step.status === 'pending') {
      await book.begin(step);
      await book.end(step, { status: 'success', 'rows-out': source.rows });
    }
    return kept;
  }
  let outcome: RunOutcome | null = null;
  for (const step of steps) {
    if (ending.cancelled.aborted || ending.stopping.aborted) return kept;
    await book.begin(step);
    outcome = step.run === null ? null : await runPart(context, source, step, ending);
    if (ending.stopping.aborted) return kept;
    if (outcome?.state !== 'finished') {
      await book.end(step, failedStep(step, source, outcome));
      return kept;
    }
    // The files of a download become the source's exchange storage only now, and as a whole.
    if (isDownload(source, steps, step)) await keepDownload(context, source, step.run as string);
    await book.end(step, { status: 'success', 'rows-out': outcome.rowsOutput });
  }
  // A download alone brings files; what the source has of rows stays.
  if (source.kind === 'chain' && source.transform === null) return kept;
  const last = steps.at(-1) as Step;
  return { source, run: last.run, fresh: { rows: outcome?.rowsOutput ?? 0 } };
}

/** The second half of a chain starts with the files that the last good download left. */
const runPart = async (
  { services }: Context,
  source: Source,
  step: Step,
  ending: Ending,
): Promise<RunOutcome> =>
  executeRun(
    services,
    step.run as string,
    ending.stopping,
    source.kind === 'chain' ? await exchangeOf(services, source.id) : null,
  );

/** Files of a download are taken over by themselves; its checkpoints come with them. Both may be done again. */
async function keepDownload(context: Context, source: Source, run: string): Promise<void> {
  await keepExchange(context.services, source.id, run);
  await inTransaction(context, ({ db, services }) => keepCheckpoints(db, services, run, 'all'));
}

/** The first half of a chain, or its only one. */
const isDownload = (source: Source, steps: readonly Step[], step: Step): boolean =>
  source.kind === 'chain' && source.connector !== null && step === steps[0];

/** `keep` goes on with the last good rows; without any it counts as `fail` (product.md 4.2). */
function failedStep(
  step: Step,
  source: Source,
  outcome: RunOutcome | null,
): Pick<Step, 'status' | 'error' | 'rows-out'> {
  const error = outcome === null ? step.error : (outcome.failure?.reason ?? null);
  return source.onFailure === 'keep' && source.lastRun !== null
    ? { status: 'kept', error, 'rows-out': source.rows }
    : { status: 'failed', error, 'rows-out': null };
}

async function merge(
  context: Context,
  book: StepBook,
  process: ClaimedProcess,
  used: readonly UsedSource[],
  ending: Ending,
): Promise<MergedFile> {
  const step = book.find('merge') as Step;
  await book.begin(step);
  try {
    const signal = AbortSignal.any([ending.cancelled, ending.stopping]);
    const merged = await mergeSources(context, process, used, signal);
    await book.end(step, { status: 'success', 'rows-in': merged.rowsRead, 'rows-out': merged.rows });
    return merged;
  } catch (error) {
    if (ending.cancelled.aborted) throw new Cancelled();
    ending.stopping.throwIfAborted();
    const full = isDiskFull(error);
    const cause = full ? 'The merged rows could not be stored: the disk is full.' : (error as Error).message;
    await book.end(step, { status: 'failed', error: cause });
    throw full ? new ImportFailed(cause) : error;
  }
}

/** The shrink guard: far fewer rows than before are taken for a mistake (product.md 4.4). */
async function guard(context: Context, book: StepBook, site: number, rows: number): Promise<void> {
  const step = book.find('guard');
  if (!step) return;
  await book.begin(step);
  const present = await context.db
    .selectFrom('sites as s')
    .innerJoin('data_sets as d', 'd.id', 's.data_set')
    .select(['d.rows_intermediate as rows', 's.shrink_guard as percent'])
    .where('s.id', '=', site)
    .executeTakeFirst();
  const least = present ? present.rows * (1 - (present.percent ?? 100) / 100) : 0;
  if (rows >= least) {
    await book.end(step, { status: 'success', 'rows-in': rows, 'rows-out': rows });
    return;
  }
  // Without services, rows can only be lost by what the sources delivered.
  const error = `Merge left ${rows} rows, more than ${present?.percent} % fewer than the present ${present?.rows}.`;
  await book.end(step, { status: 'failed', 'rows-in': rows, error });
  throw new ImportFailed(error);
}

async function finish(
  context: Context,
  book: StepBook,
  process: ClaimedProcess,
  used: readonly UsedSource[],
  merged: MergedFile,
  warnings: readonly SourceWarning[],
): Promise<ProcessEnd> {
  const step = book.find('take-over') as Step;
  await book.begin(step);
  const now = await book.now();
  Object.assign(step, {
    status: 'success',
    'rows-in': merged.rows,
    'rows-out': merged.rows,
    'finished-at': now,
  });
  // A run that failed fails the process, also where the last good rows stood in for it.
  const failed = book.steps.find((other) => other.kind === 'source' && other.error !== null);
  const end: ProcessEnd = {
    status: failed ? 'failed' : 'success',
    reason: failed ? `Data source ${failed.name} failed: ${failed.error}` : null,
    takenOver: true,
    steps: book.steps,
    warnings,
  };
  await takeOver(context, process, used, merged, (work) => endProcess(work, process.id, end));
  return end;
}
