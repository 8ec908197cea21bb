import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { webhookDeliveryList, webhookRedeliver } from './deliveries.ts';
import { resolveWebhook } from './resolver.ts';
import { webhookCreate, webhookDelete, webhookList, webhookShow, webhookUpdate } from './webhooks.ts';

export const webhookRoutes = [
  route(operations.webhookList, webhookList),
  route(operations.webhookCreate, webhookCreate),
  route(operations.webhookShow, webhookShow),
  route(operations.webhookUpdate, webhookUpdate),
  route(operations.webhookDelete, webhookDelete),
  route(operations.webhookDeliveryList, webhookDeliveryList),
  route(operations.webhookRedeliver, webhookRedeliver),
];

export const webhookResolvers = { webhook: resolveWebhook };
