import Type from 'typebox';
import { channelOwners, confidences, connectorTypes } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';

export const ConnectorMetadata = Type.Object({
  uuid: Uuid,
  'channel-owner': oneOf(channelOwners),
  confidence: nullable(oneOf(confidences)),
  'help-center': nullable(Type.String()),
  'internal-documentation': nullable(Type.String()),
  notes: nullable(Type.String()),
  'last-reviewed-at': nullable(Time),
  'last-updated-by': Uuid,
  'created-at': Time,
  'updated-at': Time,
  connector: Type.Object({ id: Uuid, name: Type.String(), type: oneOf(connectorTypes) }),
});
