import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import type { operations } from '@slipway/contract';
import { describeOutput, type OutputDescription } from '@slipway/records';
import { type Context, inTransaction } from '../context.ts';
import { denied, notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { StreamVerb, Verb } from '../http/route.ts';
import type { Services } from '../services.ts';
import { rowsPage, rowsStream } from './row-lines.ts';
import type { RunSubject } from './subject.ts';

type Operations = typeof operations;
type Stream = 'output' | 'feedback';

export const runOutput: Verb<Operations['runOutput']> = async (context, { subject, page }) =>
  rowsPage(await readable(context, subject, 'output'), page);

export const runOutputStream: StreamVerb<Operations['runOutput']> = async (context, { subject, page }) => ({
  stream: rowsStream(await readable(context, subject, 'output'), page),
});

export const runFeedback: Verb<Operations['runFeedback']> = async (context, { subject, page }) =>
  rowsPage(await readable(context, subject, 'feedback'), page);

export const runFeedbackStream: StreamVerb<Operations['runFeedback']> = async (
  context,
  { subject, page },
) => ({
  stream: rowsStream(await readable(context, subject, 'feedback'), page),
});

/**
 * Rows and files belong to the site: who may not read it sees none of them.
 *
 * @throws 403
 */
export async function requireSiteRows(context: Context, { siteId }: RunSubject): Promise<void> {
  if ((await context.services.platform.rightOnSite(context, siteId)) === 'none') throw denied();
}

/** The rows for somebody who may see them. Showing them is on record (1.13). */
async function readable(context: Context, subject: RunSubject, stream: Stream): Promise<OutputDescription> {
  await requireSiteRows(context, subject);
  await inTransaction(context, (work) =>
    audit(work, {
      action: stream === 'output' ? 'run_output' : 'run_feedback',
      entity: { type: 'run', id: subject.id, name: null },
      connector: subject.connectorId,
    }),
  );
  return runRows(context, subject.id, stream);
}

/** Rows that a run wrote; none when nothing was written or they are no longer stored. */
export async function runRows(
  { db, services }: Pick<Context, 'db' | 'services'>,
  runId: string,
  stream: Stream,
): Promise<OutputDescription> {
  const run = await db
    .selectFrom('runs')
    .select(['state', 'output', 'feedback', 'rows_output', 'rows_feedback', 'output_available as available'])
    .where('id', '=', runId)
    .executeTakeFirst();
  if (!run) throw notFound('Run');
  const path = await outputPath(services, runId, stream);
  if (run.state === 'running') return describeOutput(path);
  const stored = run[stream] as unknown as Omit<OutputDescription, 'rows'> | null;
  if (!run.available || stored === null) return noRows;
  return {
    ...stored,
    files: stored.files.map((name) => join(path, '..', name)),
    rows: run[`rows_${stream}`] ?? 0,
  };
}

/** What is left of a run whose rows are gone, and what one that wrote nothing has. */
export const noRows: OutputDescription = { files: [], columns: [], rows: 0, bytes: 0, longestLine: 0 };

/** Folder and name of an output stream of a run. */
export const outputPath = async ({ storage }: Pick<Services, 'storage'>, runId: string, stream: Stream) =>
  runFolder(await storage.folder('runs', runId)).output(stream);
