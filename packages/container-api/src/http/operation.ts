import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Run } from '../run/run.ts';
import type { Answer } from './answers.ts';
import type { Query } from './parameters.ts';
import type { Block } from './send-blocks.ts';

/** A request that has passed the checks of host, route and method. */
export interface Call {
  readonly run: Run;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path and query as they are matched: slashes normalized, still percent-encoded. */
  readonly path: string;
  readonly queryText: string;
  readonly query: Query;
  /**
   * A path parameter, decoded.
   *
   * @throws {Refusal} when it can not be decoded
   */
  parameter(name: string): string;
  /**
   * Reads the body into memory.
   *
   * @returns the body with one more byte behind it; it is given back when the call is over
   * @throws {Refusal} 413, 415
   */
  body(): Promise<Buffer>;
  /** A buffer of so many bytes for the answer's body; it is used again when the answer has been written. */
  lend(bytes: number): Buffer;
  /**
   * Answers 200 in parts.
   *
   * @throws when a part can not be read: the answer breaks off
   */
  sendBlocks(headers: Readonly<Record<string, string | number>>, blocks: AsyncIterable<Block>): Promise<void>;
  /** Called when the answer has been written to the connection, or the connection is gone. */
  afterAnswer(callback: () => void): void;
}

/**
 * One endpoint. It does its checks in the order of container-api.md 2.5: path, query, body, key, fields, state of the run.
 *
 * @returns the answer; null when it has answered itself, in parts
 * @throws {Refusal} with the answer to an error
 */
export type Handle = (call: Call) => Promise<Answer | null>;

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with parameters as `:name`; `*` at the end takes the rest. */
  readonly path: string;
  readonly handle: Handle;
}
