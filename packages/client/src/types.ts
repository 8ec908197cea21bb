import type {
  BodyOf,
  DataOf,
  IntegerParameter,
  Operation,
  operations,
  ParametersOf,
  QueryParameter,
  StreamType,
} from '@slipway/contract';
import type { Call } from './call.ts';
import type { LogEvent, LogStream, StateEvent } from './events.ts';
import type { Downloads, Lines, List } from './list.ts';

type Declared = typeof operations;

/** Name of an operation: its id in camel case. */
export type OperationName = {
  [K in keyof Declared]: Declared[K] extends { id: string; access: string } ? K : never;
}[keyof Declared];

// Picked first: a mapped type without a filter of its own keeps the way to the declaration open in an editor.
type Operations = Pick<Declared, OperationName>;

/** One method for each declared operation. */
export type Client = {
  readonly [K in keyof Operations]: (...args: Arguments<Operations[K]>) => Returned<Operations[K]>;
};

/** What a method takes: path values by name, `query`, `body` and `file` as the operation declares them. */
export type InputOf<K extends OperationName> = Input<Operations[K]>;

/** What a call gives; of a list, one item. */
export type ResultOf<K extends OperationName> = Operations[K]['success'] extends { envelope: 'list' }
  ? DataOf<Operations[K]>
  : Result<Operations[K]>;

/** What one call may do otherwise than the client does. */
export interface CallOptions {
  /** Ends the call, its retries and its streams; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds an attempt may take; of a stream, until it begins. */
  timeoutMs?: number;
  /** How often a call that failed is made again, where that is safe. */
  retries?: number;
  /** ETag that was read: the change is refused with 412 when it is no longer the current one. */
  ifMatch?: string;
  /** Instead of a new key for each call: the same key means the same change, for 24 hours. */
  idempotencyKey?: string;
  /** Further headers, such as `X-Request-Id`. */
  headers?: Record<string, string>;
}

type Arguments<O extends Operation> =
  Partial<Input<O>> extends Input<O>
    ? [input?: Input<O>, options?: CallOptions]
    : [input: Input<O>, options?: CallOptions];

type Input<O extends Operation> = Flat<Path<O> & Query<O> & Body<O> & File<O>>;

/** One object type, written out: that is what an editor shows. */
type Flat<T> = T extends infer U ? { [K in keyof U]: U[K] } : never;

type Path<O extends Operation> = { [K in keyof ParametersOf<O>]: PathValue<K> };

type PathValue<K> = K extends 'connectorVersion' | 'otherVersion'
  ? 'main' | 'latest' | number
  : K extends IntegerParameter | 'major'
    ? number
    : string;

type Query<O extends Operation> = O['success'] extends { envelope: 'list' }
  ? { query?: Flat<QueryValues<O['query']> & PageQuery> }
  : O['query'] extends Record<string, QueryParameter>
    ? { query?: QueryValues<O['query']> }
    : unknown;

type QueryValues<Q> = { -readonly [K in keyof Q]?: QueryValue<Q[K]> | undefined };

type QueryValue<P> = P extends { kind: 'choice'; values: readonly (infer V)[] }
  ? V
  : P extends { kind: 'choices'; values: readonly (infer V)[] }
    ? readonly V[]
    : P extends { kind: 'uuids' }
      ? readonly string[]
      : P extends { kind: 'boolean' }
        ? boolean
        : P extends { kind: 'integer' }
          ? number
          : string;

/** What every list takes. */
interface PageQuery {
  /** Position of the first item, from 0. */
  from?: number | undefined;
  /** Items on a page, 1 to 1000; streams of lines carry everything without it. */
  limit?: number | undefined;
  /** Cursor out of `metadata.next`; `from` is then ignored. */
  after?: string | undefined;
}

type Body<O extends Operation> = O['body'] extends object
  ? Partial<BodyOf<O>> extends BodyOf<O>
    ? { body?: BodyOf<O> }
    : { body: BodyOf<O> }
  : unknown;

type File<O extends Operation> = O['upload'] extends object ? { file: Blob } : unknown;

type Returned<O extends Operation> = O['success'] extends { envelope: 'list' }
  ? List<DataOf<O>> & Streams<O['success'], DataOf<O>>
  : O['success'] extends { contentType: 'text/event-stream' }
    ? LogStream<StateEvent | LogEvent<DataOf<Declared['stateLogs']>>>
    : Call<Result<O>>;

type Result<O extends Operation> = O['success'] extends { envelope: 'single' | 'bare' }
  ? DataOf<O>
  : O['success'] extends { envelope: 'background' }
    ? { state: { uuid: string } }
    : O['success'] extends { envelope: 'message' }
      ? string
      : O['success'] extends { envelope: 'raw' | 'file' }
        ? Response
        : undefined;

type Streams<S, Item> = S extends { streams: readonly (infer T extends StreamType)[] }
  ? ('application/x-ndjson' extends T ? Lines<Item> & Downloads<Exclude<T, 'text/event-stream'>> : unknown) &
      ('text/event-stream' extends T ? LogStream<LogEvent<Item>> : unknown)
  : unknown;
