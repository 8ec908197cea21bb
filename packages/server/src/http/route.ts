import type { Readable } from 'node:stream';
import type { BodyOf, Operation, Page, ParametersOf, QueryOf, StreamType } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { ListResult } from './list-result.ts';
import type { Subjects } from './subjects.ts';
import type { Upload } from './upload.ts';

/** The entity that the path addresses, already found and allowed. */
type SubjectOf<O extends Operation> = O['subject'] extends keyof Subjects
  ? Subjects[O['subject']]
  : undefined;

/** What a verb receives: everything checked by the operation's declaration. */
export interface Input<O extends Operation> {
  params: ParametersOf<O>;
  query: QueryOf<O>;
  page: Page;
  body: BodyOf<O>;
  /** The first file of an operation with `upload`; undefined for all others. */
  upload: O['upload'] extends object ? Upload : undefined;
  subject: SubjectOf<O>;
  /** `Last-Event-ID` of a reader that comes back, 0 at first. */
  lastEventId: number;
}

/**
 * A success that differs from what the operation declares: another status or message (created or updated), or headers
 * of its own. With a header `etag` a reader that has the same already gets a 304 (operations that answer `raw`).
 */
export class Reply {
  readonly data: unknown;
  readonly status: number | undefined;
  readonly message: string | undefined;
  readonly headers: Record<string, string>;

  constructor(
    data: unknown,
    {
      status,
      message,
      headers = {},
    }: { status?: number; message?: string; headers?: Record<string, string> } = {},
  ) {
    this.data = data;
    this.status = status;
    this.message = message;
    this.headers = headers;
  }
}

/** A stored file, opened; what `file` operations give back. */
export interface FileAnswer {
  /** Last part of its path. */
  name: string;
  sizeBytes: number;
  /** Closed when it has been read, or the reader is gone. */
  content: Readable;
}

/**
 * What a verb gives back, by the envelope of its operation: the data of `single`, `bare` and `raw` (a value, `RawJson`
 * or `Reply`), a page of `list`, the state's id of `background`, a `FileAnswer` of `file`, nothing of `empty`; of `message`
 * nothing or another message.
 */
// biome-ignore-start lint/suspicious/noConfusingVoidType: a verb with nothing to say has no return statement
type Result<O extends Operation> = O['success']['envelope'] extends 'list'
  ? ListResult
  : O['success']['envelope'] extends 'background'
    ? string
    : O['success']['envelope'] extends 'empty'
      ? void
      : O['success']['envelope'] extends 'message'
        ? void | Reply
        : O['success']['envelope'] extends 'file'
          ? FileAnswer
          : unknown;
// biome-ignore-end lint/suspicious/noConfusingVoidType: see above

export type Verb<O extends Operation> = (context: Context, input: Input<O>) => Promise<Result<O>>;

/** Answers a list as a stream of lines or events; headers come with it. */
export type StreamVerb<O extends Operation> = (
  context: Context,
  input: Input<O>,
  type: StreamType,
) => Promise<{ stream: Readable; headers?: Record<string, string> }>;

export interface Route {
  operation: Operation;
  verb: Verb<Operation>;
  stream: StreamVerb<Operation> | null;
}

/** Binds a declared operation to its verb; the declaration types what the verb receives and gives back. */
export const route = <O extends Operation>(operation: O, verb: Verb<O>, stream?: StreamVerb<O>): Route => ({
  operation,
  verb: verb as unknown as Verb<Operation>,
  stream: (stream as unknown as StreamVerb<Operation>) ?? null,
});
