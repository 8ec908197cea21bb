import { messages, operations } from '@slipway/contract';
import { badRequest } from '../errors.ts';
import type { Verb } from '../http/route.ts';
import { changeConfiguration } from './change-configuration.ts';
import type { VersionSubject } from './resolver.ts';

/** `PUT …/channels`: replaces the list; it takes effect on the dev site with the next synchronization. */
export const assignChannels: Verb<typeof operations.connectorPlatformAssignChannel> = (
  context,
  { subject, body },
) =>
  changeConfiguration(context, operations.connectorPlatformAssignChannel, subject, async (work, row) => {
    requireExport(subject);
    const channels = [...new Set(body.channels)];
    const kinds = await work.services.platform.keepChannels(work.db, channels);
    const missing = channels.filter((id) => !kinds.has(id));
    if (missing.length > 0) throw badRequest({ channels: `Channels don't exist: ${missing.join(',')}` });
    const delta = subject.type === 'export-delta';
    const unfit = channels.filter((id) => kinds.get(id)?.delta !== delta);
    if (unfit.length > 0) {
      const kind = delta ? 'non-delta' : 'delta';
      throw badRequest({
        channels: `You can not assign ${kind} channels to ${subject.type} Connector: ${unfit.join(',')}`,
      });
    }
    const before = row.export_config as { channels: number[] };
    const same = JSON.stringify(before.channels) === JSON.stringify(channels);
    return {
      columns: { export_config: JSON.stringify({ ...before, channels }) },
      changes: same ? [] : [{ path: 'config.export.channels', from: before.channels, to: channels }],
    };
  });

/** @throws W400 */
function requireExport({ type }: VersionSubject): void {
  if (type !== 'export' && type !== 'export-delta') {
    throw badRequest({ connector: messages.wrongType(type) });
  }
}
