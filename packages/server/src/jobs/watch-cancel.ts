import { watch } from '../events/signals.ts';
import type { Services } from '../services.ts';

/** A cancel is told by a signal; should that be lost, it is seen at the latest then. */
const lookAtLeastEveryMs = 5000;

/**
 * Aborts `cancel` as soon as the row of a run or process says that its cancel was requested.
 *
 * @returns ends the watch; call it when the work is over
 */
export function watchCancel(
  { db, signals }: Services,
  table: 'runs' | 'processes',
  id: string,
  cancel: AbortController,
): { stop(): void } {
  const news = watch(signals, id);
  let stopped = false;
  const look = async (): Promise<void> => {
    while (!stopped && !cancel.signal.aborted) {
      const row = await db
        .selectFrom(table)
        .select('cancel_requested')
        .where('id', '=', id)
        .executeTakeFirst()
        // The database is out of reach: asked again soon.
        .catch(() => undefined);
      if (row?.cancel_requested) cancel.abort();
      else if (!stopped) await news.next(lookAtLeastEveryMs);
    }
  };
  void look();
  return {
    stop() {
      stopped = true;
      news.close();
    },
  };
}
