import type { operations } from '@slipway/contract';
import { inTransaction } from '../context.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { requireTransition, setVersion, startAction } from '../operations/transitions.ts';
import { lockVersion } from '../versions/store.ts';
import { requireChannel, requireDevPlace } from './dev-site.ts';

/** `POST …/sync/dev`: brings what was built, and the configuration as it is now, to the dev site. */
export const syncDev: Verb<(typeof operations)['connectorSyncDev']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    requireChannel(row);
    const transition = requireTransition(row, 'sync-dev');
    const { account, project, site } = await requireDevPlace(work, subject, row);
    await setVersion(work.db, subject.id, { dev_account: account, dev_project: project });
    const id = await startAction(work, {
      name: 'synchronize_to_dev',
      version: subject,
      config: { account, project, site },
      queue: 'state',
      transition,
    });
    await audit(work, {
      action: 'connector_sync_dev',
      entity: {
        type: 'connector-version',
        id: `${subject.connectorId}/${subject.major}`,
        name: subject.name,
      },
      connector: subject.connectorId,
      changes: [{ path: 'state', from: transition.from, to: transition.during }],
    });
    return id;
  });
