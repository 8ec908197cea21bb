import type { DataOf, operations } from '@slipway/contract';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ConnectionError } from './errors.ts';
import { backOff, sleep } from './retry.ts';

/** A line of a log, or its end with what became of the work. */
export type LogEvent<Line> =
  | { event: 'log'; id: number; data: Line }
  | { event: 'end'; data: { status: string } };

/** A background operation as it is now. */
export interface StateEvent {
  event: 'state';
  data: DataOf<(typeof operations)['stateShow']>;
}

/** What can be followed while it goes on. */
export interface LogStream<Event> {
  /**
   * All events from the first one on, until the end of the work. A connection that breaks is made anew, and goes on
   * behind the last line that came.
   *
   * @param lastEventId number of the last line that is known already
   */
  follow(lastEventId?: number): AsyncGenerator<Event, void, undefined>;
}

/** The server sends a comment every 15 s; a connection that is silent for longer than three of them is dead. */
const silenceMs = 45_000;

/**
 * Follows a stream of server-sent events until its `end`.
 *
 * @param open asks for the stream behind the event of this id, with as many tries as the transport sees fit
 * @throws ApiError or ConnectionError when it can not be opened (again), or the signal's reason
 */
export async function* followEvents<Event>(
  operation: string,
  open: (lastEventId: string | null) => Promise<Response>,
  lastEventId: string | null,
  signal: AbortSignal | undefined,
): AsyncGenerator<Event, void, undefined> {
  let last = lastEventId;
  for (let fruitless = 1; ; fruitless++) {
    const response = await open(last);
    try {
      for await (const { event, id, data } of readEvents(operation, response)) {
        fruitless = 0;
        if (id !== undefined) last = id;
        yield { event, ...(id === undefined ? {} : { id: Number(id) }), data: JSON.parse(data) } as Event;
        if (event === 'end') return;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof ConnectionError)) throw error;
    }
    // The server stopped, or the connection broke: both are no end of the work.
    await sleep(backOff(Math.max(1, fruitless)), signal);
  }
}

/** The events of one connection, until it is closed. @throws ConnectionError when it breaks or falls silent */
async function* readEvents(operation: string, response: Response): AsyncGenerator<EventSourceMessage> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const chunk = await readChunk(operation, reader);
      if (chunk === null) return;
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* events.splice(0);
    }
  } finally {
    // Also when whoever reads has enough: the server is to know. A broken stream can not be cancelled.
    await reader.cancel().catch(() => {});
  }
}

/** The next bytes; null at the end. */
async function readChunk(
  operation: string,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The event stream was silent for ${silenceMs / 1000} s.`;
      reject(new ConnectionError(operation, message, { cause: null, timedOut: true }));
    }, silenceMs);
  });
  try {
    const { done, value } = await Promise.race([reader.read(), silence]);
    return done ? null : value;
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    throw new ConnectionError(operation, 'The event stream broke.', { cause: error, timedOut: false });
  } finally {
    clearTimeout(timer);
  }
}
