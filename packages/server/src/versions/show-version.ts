import type { operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { versionJson } from './store.ts';

/** `GET /connectors/{publicId}/versions/{connectorVersion}` */
export const showVersion = (
  context: Context,
  { subject }: Input<typeof operations.connectorVersionShow>,
): Promise<RawJson> => versionJson(context.db, context.services.settings, subject.id);
