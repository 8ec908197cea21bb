import { allOperations, type Operation, operations } from '@slipway/contract';
import { callOf, readAnswer } from './call.ts';
import { followEvents } from './events.ts';
import { AnyList, type Page } from './list.ts';
import { type AnyInput, type PreparedRequest, prepareRequest } from './request.ts';
import { type TokenProvider, Tokens } from './tokens.ts';
import { send, type Transport } from './transport.ts';
import type { CallOptions, Client } from './types.ts';

export interface ClientOptions {
  /** Address of the server: `SLIPWAY_PUBLIC_URL`. */
  url: string;
  /** A personal access token, or what gives tokens. Without one only public operations answer. */
  token?: string | TokenProvider;
  /** How often a call that failed is made again, where that is safe; 3 by default. */
  retries?: number;
  /** Milliseconds an attempt may take, a minute by default. Streams may take as long as they like once they began. */
  timeoutMs?: number;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

/** A server that restarts is away for a while: whoever follows an event stream waits for it, about a minute. */
const reconnects = 12;

/**
 * A client of the CDE and Platform API: one method for each operation of the contract, named as it is declared there.
 * Changes carry an idempotency key, so that one that got no answer is made again, once.
 *
 * @example
 * const client = createClient({ url: 'https://slipway.example.com', token });
 * const connector = await client.connectorShow({ publicId });
 */
export function createClient(options: ClientOptions): Client {
  const transport: Transport = {
    url: options.url.replace(/\/+$/, ''),
    // Looked up with each call; a browser's fetch does not work as the method of another object.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    tokens: new Tokens(options.token),
    timeoutMs: options.timeoutMs ?? 60_000,
    retries: options.retries ?? 3,
  };
  const methods = Object.entries(operations as Record<string, unknown>).flatMap(([name, value]) => {
    const operation = allOperations.find((declared) => declared === value);
    return operation ? [[name, methodOf(transport, operation)] as const] : [];
  });
  return Object.freeze(Object.fromEntries(methods)) as unknown as Client;
}

function methodOf(transport: Transport, operation: Operation) {
  const { success } = operation;
  if (success.envelope === 'list') {
    return (input: AnyInput = {}, options: CallOptions = {}) => listOf(transport, operation, input, options);
  }
  if (success.envelope === 'raw' && success.contentType === 'text/event-stream') {
    return (input: AnyInput = {}, options: CallOptions = {}) => ({
      follow: follow(transport, operation, input, options),
    });
  }
  const isRaw = success.envelope === 'raw' || success.envelope === 'file';
  return (input: AnyInput = {}, options: CallOptions = {}) =>
    callOf(
      prepareRequest(operation, input, options).then((request) =>
        send(transport, request, options, (answer) => readAnswer(answer, isRaw)),
      ),
    );
}

function listOf(transport: Transport, operation: Operation, input: AnyInput, options: CallOptions): AnyList {
  const request = () => prepareRequest(operation, input, options);
  return new AnyList({
    operation: operation.id,
    async page(next) {
      const first = await request();
      return send(transport, next === null ? first : { ...first, path: pathOf(next) }, options, readPage);
    },
    async stream(type) {
      return send(transport, accepting(await request(), type), options, (answer) => answer);
    },
    follow: follow(transport, operation, input, options),
  });
}

/** The token goes to no other server, whatever `next` says. */
function pathOf(next: string): string {
  if (!next.startsWith('/')) throw new TypeError(`"${next}" is no address of a next page.`);
  return next;
}

async function readPage(answer: Response): Promise<Page<unknown>> {
  const { data, metadata } = (await answer.json()) as {
    data: unknown[];
    metadata: Page<unknown>['metadata'];
  };
  return { items: data, metadata, headers: answer.headers };
}

function follow(transport: Transport, operation: Operation, input: AnyInput, options: CallOptions) {
  let retries = options.retries;
  const open = async (lastEventId: string | null): Promise<Response> => {
    const request = accepting(await prepareRequest(operation, input, options), 'text/event-stream');
    if (lastEventId !== null) request.headers['last-event-id'] = lastEventId;
    const response = await send(transport, request, { ...options, retries }, (answer) => answer);
    retries ??= Math.max(transport.retries, reconnects);
    return response;
  };
  return (lastEventId?: number) =>
    followEvents(operation.id, open, lastEventId === undefined ? null : String(lastEventId), options.signal);
}

const accepting = (request: PreparedRequest, type: string): PreparedRequest => ({
  ...request,
  headers: { ...request.headers, accept: type },
});
