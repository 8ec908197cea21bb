import type { ServerResponse } from 'node:http';
import type { Run } from '../run/run.ts';
import type { ArrivedRequest } from './arrived-request.ts';
import { readBody } from './body.ts';
import type { BodyGate } from './body-gate.ts';
import { buffers } from './buffer-pool.ts';
import type { Call } from './operation.ts';
import { decodeParameter, Query } from './parameters.ts';
import { type Block, sendBlocks } from './send-blocks.ts';

/** A call as it came over HTTP. */
export class HttpCall implements Call {
  readonly run: Run;
  readonly request: ArrivedRequest;
  readonly response: ServerResponse;
  readonly path: string;
  readonly queryText: string;
  readonly query: Query;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #gate: BodyGate;
  #giveBody: (() => void) | null = null;

  /** @param request has arrived */
  constructor(
    run: Run,
    request: ArrivedRequest,
    response: ServerResponse,
    parameters: Readonly<Record<string, string>>,
    gate: BodyGate,
  ) {
    const { path, query } = request.arrival!;
    this.run = run;
    this.request = request;
    this.response = response;
    this.path = path;
    this.queryText = query;
    this.query = new Query(query);
    this.#parameters = parameters;
    this.#gate = gate;
  }

  parameter(name: string): string {
    return decodeParameter(this.#parameters[name] ?? '');
  }

  async body(): Promise<Buffer> {
    const body = await readBody(this.request, this.run.context.bodyLimitBytes, this.#gate);
    this.#giveBody = body.release;
    return body.bytes;
  }

  lend(bytes: number): Buffer {
    const { response } = this;
    const buffer = buffers.take(bytes);
    response.once('close', () => {
      // What could not be written may still be with the system.
      if (response.writableFinished) buffers.giveBack(buffer);
    });
    return buffer.subarray(0, bytes);
  }

  async sendBlocks(
    headers: Readonly<Record<string, string | number>>,
    blocks: AsyncIterable<Block>,
  ): Promise<void> {
    const first = { 'X-Request-Id': this.request.arrival!.requestId, 'Cache-Control': 'no-store' };
    this.response.writeHead(200, { ...first, ...headers });
    this.response.flushHeaders();
    await sendBlocks(this.response, blocks);
  }

  afterAnswer(callback: () => void): void {
    this.response.once('close', callback);
  }

  /** Gives the body back. */
  end(): void {
    this.#giveBody?.();
  }
}
