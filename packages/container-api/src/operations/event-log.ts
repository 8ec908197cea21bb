import { isExactNumber, parseExact, readFields } from '@slipway/records';
import { done, invalid, TEXTS } from '../http/answers.ts';
import type { Operation } from '../http/operation.ts';
import { fitContext, fitMessage } from '../log/log-text.ts';
import type { RunContext } from '../run-context.ts';
import { timestamp } from '../timestamp.ts';
import { oncePerKey } from './keyed.ts';
import { readContext, readMessage } from './messages.ts';

/** A line of `events.ndjson` holds the events of one call, so that they are there together or not at all. */
export type StoredEvents = readonly StoredEvent[];

export interface StoredEvent {
  readonly time: string;
  /** Upper-case words; `INFO_`, `WARNING_` or `ERROR_` in front tells the severity, others count as `INFO`. */
  readonly code: string;
  readonly message: string;
  readonly 'item-id': string | null;
  readonly context: Readonly<Record<string, unknown>>;
}

/** Wrong events that one answer reports. */
const MAX_REPORTED = 20;
const WRITTEN = done(201, 'Written successfully.');

/** Events about single items: container-api.md 5.21. */
export const eventLogOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/event-log',
    handle: async (call) => {
      const body = await call.body();
      const list = readFields(body).get('events');
      return await oncePerKey(call, body, async (record) => {
        const elements = list === undefined ? null : toElements(list);
        if (elements === null || elements.length === 0) throw invalid({ events: TEXTS.notList });
        const events = readEvents(elements, call.run.context);
        await call.run.events.append(events, (end) => record({ on: 'events', end }, WRITTEN));
        return WRITTEN;
      });
    },
  },
];

/** The elements of a list with their numbers as printed; null for what is no list. */
function toElements(json: string): unknown[] | null {
  const value = parseExact(json);
  return Array.isArray(value) ? value : null;
}

function readEvents(elements: readonly unknown[], context: RunContext): StoredEvents {
  const errors: Record<string, string> = {};
  const events: StoredEvent[] = [];
  let wrong = 0;
  elements.forEach((element, index) => {
    const { event, problems } = readEvent(element, context);
    if (event) events.push(event);
    else if (wrong++ < MAX_REPORTED) {
      for (const [field, text] of Object.entries(problems)) errors[`events[${index}]${field}`] = text;
    }
  });
  if (wrong > 0) throw invalid(errors);
  return events;
}

/** An event, or its problems: `.<field>`, or `` for the event as a whole, → text. */
function readEvent(
  element: unknown,
  { masker, now }: RunContext,
): { readonly event: StoredEvent | null; readonly problems: Readonly<Record<string, string>> } {
  const isObject = typeof element === 'object' && element !== null && !isExactNumber(element);
  // An empty list counts as an object without fields.
  if (!isObject || (Array.isArray(element) && element.length > 0)) {
    return { event: null, problems: { '': TEXTS.notObject } };
  }
  const field = (name: string): string | undefined =>
    Object.hasOwn(element, name) ? JSON.stringify((element as Record<string, unknown>)[name]) : undefined;
  const code = readCode(field('code'));
  const message = readMessage(field('message'));
  const itemId = readItemId(field('item-id'));
  const context = readContext(field('context'));
  const results = { '.code': code, '.message': message, '.item-id': itemId, '.context': context };
  const problems: Record<string, string> = {};
  for (const [name, result] of Object.entries(results)) if ('error' in result) problems[name] = result.error;
  if ('error' in code || 'error' in message || 'error' in itemId || 'error' in context) {
    return { event: null, problems };
  }
  const event = {
    time: timestamp(now()),
    code: code.text,
    message: fitMessage(masker.mask(message.text)),
    'item-id': itemId.text === null ? null : fitMessage(masker.mask(itemId.text)),
    context: parseExact(fitContext(masker.maskJson(context.context))) as Record<string, unknown>,
  };
  return { event, problems };
}

function readCode(json: string | undefined): { text: string } | { error: string } {
  if (json === undefined || json === 'null' || json === '""') return { error: TEXTS.blank };
  const value: unknown = JSON.parse(json);
  const valid = typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(value);
  return valid ? { text: value } : { error: TEXTS.notValid };
}

/** Text or number, kept as text. */
function readItemId(json: string | undefined): { text: string | null } | { error: string } {
  if (json === undefined || json === 'null') return { text: null };
  if (json.startsWith('"')) return { text: JSON.parse(json) as string };
  return /^[-0-9]/.test(json) ? { text: json } : { error: TEXTS.notText };
}
