import { readFields } from '@slipway/records';
import { ANSWERS, done, invalid, Refusal } from '../http/answers.ts';
import type { Operation } from '../http/operation.ts';
import { toLogLevel } from '../log/levels.ts';
import { oncePerKey } from './keyed.ts';
import { readContext, readMessage } from './messages.ts';

const WRITTEN = done(201, 'Written successfully.');

/** Log entries: container-api.md 5.9. */
export const logOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/logs/:level',
    handle: async (call) => {
      const level = toLogLevel(call.parameter('level'));
      if (level === null) throw new Refusal(ANSWERS.noResource);
      const body = await call.body();
      const fields = readFields(body);
      return await oncePerKey(call, body, async (record) => {
        const message = readMessage(fields.get('message'));
        const context = readContext(fields.get('context'));
        if ('error' in message || 'error' in context) {
          throw invalid({
            ...('error' in message ? { message: message.error } : {}),
            ...('error' in context ? { context: context.error } : {}),
          });
        }
        const entry = {
          level,
          source: 'application',
          message: message.text,
          context: context.context,
        } as const;
        await call.run.log.append(entry, (number) => record({ on: 'log', end: number }, WRITTEN));
        return WRITTEN;
      });
    },
  },
];
