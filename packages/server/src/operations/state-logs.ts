import type { operations } from '@slipway/contract';
import { logList, logStream } from '../events/log-reader.ts';
import type { StreamVerb, Verb } from '../http/route.ts';
import { settledStatus } from './store.ts';

type StateLogs = (typeof operations)['stateLogs'];

/** `GET /states/{stateId}/logs` */
export const listStateLogs: Verb<StateLogs> = (context, { subject, query, page }) =>
  logList(context, subject.id, query, page);

export const streamStateLogs: StreamVerb<StateLogs> = (
  context,
  { subject, query, page, lastEventId },
  type,
) =>
  logStream(context, subject.id, type, {
    query,
    page,
    lastEventId,
    settled: () => settledStatus(context.db, subject.id),
  });
