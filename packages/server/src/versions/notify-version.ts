import type { WebhookEvent } from '@slipway/contract';
import { connectorOwner } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { RawJson } from '../json.ts';
import { notify } from '../webhooks/notify.ts';
import { versionJson } from './store.ts';

/** Tells webhooks about a version as it is now, with its connector (3.17). */
export const notifyVersion = (
  work: Context & { db: Work },
  event: WebhookEvent,
  version: { id: string; connectorId: string },
): Promise<void> =>
  notify(work, event, {
    owners: async () => {
      const owner = await connectorOwner(work.db, version.connectorId);
      return owner === null ? [] : [owner];
    },
    data: async () => {
      const { text } = await versionJson(work.db, work.services.settings, version.id);
      return new RawJson(`${text.slice(0, -1)},"connector":"${version.connectorId}"}`);
    },
  });
