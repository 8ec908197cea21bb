import type { operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { connectorJson, connectorRepresentation } from './store.ts';

/** `GET /connectors/{publicId}` */
export const showConnector = (
  context: Context,
  { subject }: Input<typeof operations.connectorShow>,
): Promise<RawJson> =>
  connectorJson(context.db, subject.id, connectorRepresentation(context.services.settings));
