import type { operations } from '@slipway/contract';
import { logList, logStream } from '../events/log-reader.ts';
import type { StreamVerb, Verb } from '../http/route.ts';
import { isEnded } from './run-state.ts';

type Operation = (typeof operations)['runLogs'];

export const runLogs: Verb<Operation> = (context, { subject, query, page }) =>
  logList(context, subject.id, query, page);

/** What is stored as newline-delimited JSON; as events also what is to come, until the run has ended. */
export const runLogsStream: StreamVerb<Operation> = (context, { subject, query, page, lastEventId }, type) =>
  logStream(context, subject.id, type, {
    query,
    page,
    lastEventId,
    settled: async () => {
      const run = await context.db
        .selectFrom('runs')
        .select('state')
        .where('id', '=', subject.id)
        .executeTakeFirst();
      return !run || isEnded(run.state) ? (run?.state ?? 'cancelled') : null;
    },
  });
