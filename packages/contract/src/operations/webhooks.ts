import { deliveryStatuses, webhookEvents } from '../enums.ts';
import {
  body,
  boolean,
  choice,
  list,
  nullableText,
  nullableUuid,
  optional,
  requiredText,
} from '../fields.ts';
import { isHttpUrl } from '../http-url.ts';
import { operation, type Refusal } from '../operation.ts';
import { CreatedWebhook, Webhook, WebhookDelivery } from '../representations/webhook.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';

const chapter = '5.16 Webhooks';

const invalidUrl = 'This value is not a valid webhook URL.';

const field = (key: string, message: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: message } },
});
const notFound: Refusal = { status: 404, body: { message: 'Webhook not found.' } };

const fields = {
  name: requiredText(),
  url: requiredText({ max: 2000 }),
  events: list(choice(['*', ...webhookEvents]), {
    min: 1,
    texts: { any: texts.choice, item: texts.choice },
  }),
  description: optional(nullableText()),
  active: optional(boolean()),
};

const rules: BodyRules = ({ url }) =>
  typeof url === 'string' && url !== '' && !isHttpUrl(url) ? { url: invalidUrl } : {};

const refusals = [field('name', texts.used), field('url', invalidUrl), field('events', texts.choice)];

export const webhookList = operation({
  id: 'webhook_list',
  method: 'GET',
  path: '/webhooks',
  chapter,
  tag: 'ours',
  summary: 'List webhooks',
  access: 'integrator',
  scope: 'connectors:read',
  success: { envelope: 'list', resource: 'webhook', data: Webhook },
});

export const webhookCreate = operation({
  id: 'webhook_create',
  method: 'POST',
  path: '/webhooks',
  chapter,
  tag: 'ours',
  summary: 'Create a webhook',
  access: 'integrator',
  scope: 'connectors:write',
  body: body({ ...fields, owner: optional(nullableUuid()) }),
  rules,
  success: {
    envelope: 'single',
    status: 201,
    message: 'Webhook created.',
    resource: 'webhook',
    data: CreatedWebhook,
  },
  refusals: [...refusals, field('owner', 'You are not a member of this organization.')],
});

export const webhookShow = operation({
  id: 'webhook_show',
  method: 'GET',
  path: '/webhooks/{webhookId}',
  chapter,
  tag: 'ours',
  summary: 'Show a webhook',
  access: 'write-404',
  scope: 'connectors:read',
  subject: 'webhook',
  success: { envelope: 'single', message: messages.list, resource: 'webhook', data: Webhook },
  refusals: [notFound],
});

export const webhookUpdate = operation({
  id: 'webhook_update',
  method: 'PATCH',
  path: '/webhooks/{webhookId}',
  chapter,
  tag: 'ours',
  summary: 'Change a webhook',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'webhook',
  body: body({
    ...fields,
    name: optional(fields.name),
    url: optional(fields.url),
    events: optional(fields.events),
  }),
  rules,
  success: { envelope: 'single', message: 'Webhook updated.', resource: 'webhook', data: Webhook },
  refusals: [...refusals, notFound],
});

export const webhookDelete = operation({
  id: 'webhook_delete',
  method: 'DELETE',
  path: '/webhooks/{webhookId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a webhook with its deliveries',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'webhook',
  success: { envelope: 'empty' },
  refusals: [notFound],
});

export const webhookDeliveryList = operation({
  id: 'webhook_delivery_list',
  method: 'GET',
  path: '/webhooks/{webhookId}/deliveries',
  chapter,
  tag: 'ours',
  summary: 'List the deliveries of the last 30 days',
  access: 'write-404',
  scope: 'connectors:read',
  subject: 'webhook',
  query: { status: { kind: 'choice', values: deliveryStatuses } },
  success: { envelope: 'list', resource: 'webhook-delivery', data: WebhookDelivery },
  refusals: [notFound],
});

export const webhookRedeliver = operation({
  id: 'webhook_redeliver',
  method: 'POST',
  path: '/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver',
  chapter,
  tag: 'ours',
  summary: 'Repeat a delivery',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'webhook',
  success: { envelope: 'message', status: 202, message: 'Delivery will be repeated.' },
  refusals: [
    { status: 400, body: { message: 'Webhook is not active.', errors: [] } },
    notFound,
    { status: 404, body: { message: 'Delivery not found.' } },
  ],
});
