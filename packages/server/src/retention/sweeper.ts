import { removeOldBuilds } from '../builds/remove-old-builds.ts';
import { emptyBin } from '../connectors/empty-bin.ts';
import { removeOldAuditEvents } from '../events/remove-old-audit-events.ts';
import { type Repeated, repeat } from '../jobs/repeat.ts';
import { removeOldStateLogs } from '../operations/remove-old-logs.ts';
import { removeOldRows, removeOldRunLogs, removeOldRuns } from '../runs/remove-old-runs.ts';
import type { Services } from '../services.ts';

const everyMs = 3_600_000;
/** Days that notifications which have been read are kept (product.md 8.2). */
const notificationDays = 90;

/** Removes what has been kept long enough, every hour. */
export const startSweeper = async (services: Services): Promise<Repeated> =>
  repeat(everyMs, () => sweep(services), services.log);

/**
 * Removes what is older than its retention, 0 days being for ever: never what is in use, or the latest of its kind. Data
 * sets, deliveries, answers to repeated requests and images go with those who make them.
 */
export async function sweep(services: Services): Promise<void> {
  const { settings, db, platform } = services;
  const kinds: Record<string, [days: number, remove: (days: number) => Promise<void>]> = {
    notifications: [notificationDays, (days) => platform.removeReadNotifications(db, days)],
    rows: [settings.retentionArtifactDays, (days) => removeOldRows(services, days)],
    'logs of runs': [settings.retentionLogDays, (days) => removeOldRunLogs(db, days)],
    'logs of operations': [settings.retentionLogDays, (days) => removeOldStateLogs(db, days)],
    runs: [settings.retentionRunDays, (days) => removeOldRuns(services, days)],
    builds: [settings.retentionBuildDays, (days) => removeOldBuilds(db, days)],
    'audit events': [settings.retentionAuditDays, (days) => removeOldAuditEvents(db, days)],
    bin: [settings.retentionBinDays, (days) => emptyBin(services, days)],
  };
  for (const [kind, [days, remove]] of Object.entries(kinds)) {
    if (days === 0) continue;
    // What fails for one kind is tried again in an hour, and does not keep the others.
    await remove(days).catch((error: unknown) =>
      services.log.error({ err: error, kind }, 'what is old enough could not be removed'),
    );
  }
}
