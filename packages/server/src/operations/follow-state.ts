import { Readable } from 'node:stream';
import type { operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import { commentText, eventText, Heartbeat } from '../events/event-stream.ts';
import { logEvents, readLines } from '../events/log-reader.ts';
import { watch } from '../events/signals.ts';
import type { StreamVerb } from '../http/route.ts';
import { readState } from './store.ts';

/**
 * `GET /states/{stateId}/events`: the state as it is, then its log lines and each change of it, and `end` when it has
 * settled.
 */
export const followState: StreamVerb<(typeof operations)['stateEvents']> = async (
  context,
  { subject, lastEventId },
) => ({ stream: Readable.from(events(context, subject.id, lastEventId), { objectMode: false }) });

async function* events(
  { db, services }: Pick<Context, 'db' | 'services'>,
  id: string,
  lastEventId: number,
): AsyncGenerator<string> {
  const news = watch(services.signals, id);
  const heartbeat = new Heartbeat();
  let sent: string | null = null;
  let after = lastEventId;
  try {
    while (!services.signals.stopped) {
      // Read before the lines: once it has settled, no line follows.
      const state = await readState(db, id);
      if (!state) return;
      const settled = state.status !== 'pending';
      if (sent === null) {
        yield eventText('state', state.json);
        sent = state.json;
      }
      for await (const lines of readLines(db, id, {}, { after, skip: 0 })) {
        after = lines.at(-1)?.number ?? after;
        yield logEvents(lines);
      }
      if (state.json !== sent) {
        yield eventText('state', state.json);
        sent = state.json;
      }
      if (settled) {
        yield eventText('end', JSON.stringify({ status: state.status }));
        return;
      }
      if (heartbeat.take()) yield commentText;
      await news.next(heartbeat.sleepMs);
    }
  } finally {
    news.close();
  }
}
