import { body, nullableInteger, optional } from '../fields.ts';
import { greatestInteger } from '../limits.ts';
import { operation, type Refusal } from '../operation.ts';
import { Notification, notificationLevels, SiteError, siteErrorTypes } from '../representations/platform.ts';
import { messages, texts } from '../texts.ts';

const chapter = '6.4 Processes and data';

const noSite: Refusal = { status: 404, body: { message: 'Site not found.' } };

export const platformNotificationList = operation({
  id: 'platform_notification_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/notifications',
  chapter,
  tag: 'ours',
  summary: 'List the notifications of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: {
    level: { kind: 'choice', values: notificationLevels },
    'process-id': { kind: 'uuid' },
    read: { kind: 'boolean', description: 'true: those the caller has read; false: the others' },
  },
  success: { envelope: 'list', resource: 'notification', data: Notification },
  refusals: [noSite],
});

export const platformNotificationRead = operation({
  id: 'platform_notification_read',
  method: 'POST',
  path: '/platform/sites/{siteId}/notifications/read',
  chapter,
  tag: 'ours',
  summary: 'Mark notifications of a site as read',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  body: body({
    'up-to': optional(
      nullableInteger({ minimum: 1, maximum: greatestInteger, texts: { range: texts.positive } }),
    ),
  }),
  success: { envelope: 'message', message: 'Notifications marked as read.' },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { 'up-to': texts.positive } } },
    noSite,
  ],
});

export const platformErrorList = operation({
  id: 'platform_error_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/errors',
  chapter,
  tag: 'ours',
  summary: 'List what the newest process of a site reported about single items',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: {
    'process-id': { kind: 'uuid', description: 'default: the newest process' },
    type: { kind: 'choice', values: siteErrorTypes },
  },
  success: { envelope: 'list', resource: 'site-error', data: SiteError, limit: 50 },
  refusals: [noSite],
});
