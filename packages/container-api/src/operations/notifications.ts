import { readFields } from '@slipway/records';
import { ANSWERS, done, invalid, Refusal } from '../http/answers.ts';
import type { Operation } from '../http/operation.ts';
import { timestamp } from '../timestamp.ts';
import { oncePerKey } from './keyed.ts';
import { readMessage } from './messages.ts';

const LEVELS = ['success', 'info', 'warning', 'error'] as const;
/** Characters of a notification (container-api.md 2.6); the rest is cut off. */
const TEXT_LIMIT = 2000;

/** A line of `notifications.ndjson`. */
export interface StoredNotification {
  readonly time: string;
  readonly level: (typeof LEVELS)[number];
  /** Masked, at most 2,000 characters. */
  readonly message: string;
}

const SENT = done(201, 'Notification sent.');

/** Lines for the notification panel: container-api.md 5.20. */
export const notificationOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/notifications/:level',
    handle: async (call) => {
      const word = call.parameter('level');
      const level = LEVELS.find((candidate) => candidate === word);
      if (!level) throw new Refusal(ANSWERS.noResource);
      const body = await call.body();
      const fields = readFields(body);
      return await oncePerKey(call, body, async (record) => {
        const message = readMessage(fields.get('message'));
        if ('error' in message) throw invalid({ message: message.error });
        const { masker, now } = call.run.context;
        const text = [...masker.mask(message.text).replaceAll('\0', '\ufffd')].slice(0, TEXT_LIMIT).join('');
        const stored: StoredNotification = { time: timestamp(now()), level, message: text };
        await call.run.notifications.append(stored, (end) => record({ on: 'notifications', end }, SENT));
        return SENT;
      });
    },
  },
];
