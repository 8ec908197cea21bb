import { operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import { changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { changeConfiguration } from './change-configuration.ts';

/** `PUT …/application-configs`; an empty text is stored as null. */
export const updateApplicationConfig = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateApplicationConfig>,
): Promise<void> =>
  changeConfiguration(context, operations.connectorUpdateApplicationConfig, subject, async (_work, row) => {
    const columns = {
      command: body.command,
      arguments: body.arguments || null,
      health_check: body['health-check'] || null,
    };
    return { columns, finishes: 'application-config', changes: changesBetween({ ...row }, columns) };
  });
