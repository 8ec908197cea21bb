import { sql } from 'kysely';
import { type Repeated, repeat } from '../jobs/repeat.ts';
import type { Services } from '../services.ts';

const everyMs = 3_600_000;
/** Younger images stay: a build may be about to record its digest, and the next one to find it. */
const minimumAgeMs = 24 * 3_600_000;

/** Removes the images and bundles that nothing needs any more, every hour. */
export const startImageSweeper = async (services: Services): Promise<Repeated> =>
  repeat(everyMs, () => sweepImages(services), services.log);

/**
 * Removes from this machine what was built and is needed no more: neither by a version (built, on dev, in production or
 * registered with a runtime) nor by a run that waits or goes on.
 */
export async function sweepImages(services: Services, ageMs = minimumAgeMs): Promise<void> {
  const { rows } = await sql<{ digest: string }>`
    SELECT image_digest AS digest FROM connector_versions WHERE image_digest IS NOT NULL
    UNION SELECT dev_digest FROM connector_versions WHERE dev_digest IS NOT NULL
    UNION SELECT prod_digest FROM connector_versions WHERE prod_digest IS NOT NULL
    UNION SELECT digest FROM runtime_registrations
    UNION SELECT image_digest FROM runs WHERE state IN ('queued', 'running') AND image_digest IS NOT NULL`.execute(
    services.db,
  );
  const removed = await services.engine.prune(new Set(rows.map(({ digest }) => digest)), ageMs);
  if (removed.length > 0) services.log.info({ removed }, 'images that nothing needs were removed');
}
