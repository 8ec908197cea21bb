import Type from 'typebox';
import { deliveryStatuses, webhookEvents } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';

const fields = {
  id: Uuid,
  name: Type.String(),
  url: Type.String(),
  description: nullable(Type.String()),
  events: Type.Array(oneOf(['*', ...webhookEvents])),
  owner: nullable(Uuid),
  active: Type.Boolean(),
  'created-at': Time,
  'updated-at': Time,
};

export const Webhook = Type.Object(fields);

/** The one answer that shows the key of the signatures. */
export const CreatedWebhook = Type.Object({ ...fields, secret: Type.String() });

export const WebhookDelivery = Type.Object({
  id: Uuid,
  webhook: Uuid,
  event: Type.String(),
  status: oneOf(deliveryStatuses),
  attempts: Type.Integer(),
  'response-status': nullable(Type.Integer()),
  'response-body': nullable(Type.String()),
  'next-attempt-at': nullable(Time),
  'delivered-at': nullable(Time),
  'created-at': Time,
  payload: Type.Object({ id: Uuid, type: Type.String(), time: Time, data: Type.Unknown() }),
});
