import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  METHODS,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { MalformedJsonError } from '@slipway/records';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Run } from '../run/run.ts';
import { ANSWERS, type Answer, methodNotAllowed, Refusal } from './answers.ts';
import { ArrivedRequest } from './arrived-request.ts';
import { AbortedError } from './body.ts';
import { BodyGate } from './body-gate.ts';
import { type Answering, answerClientError, watchConnections } from './connections.ts';
import { forward, mayForward } from './forward.ts';
import { HttpCall } from './http-call.ts';
import type { Operation } from './operation.ts';
import { HostRule, normalizePath } from './target.ts';

/** Request line and headers together (container-api.md 2.4). */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The HTTP side of a Container API: general rules of container-api.md 2 around the operations.
 *
 * Fastify routes; what the contract wants otherwise than frameworks do it stands in front: targets, hosts, slashes and
 * the decoding of paths. Answers are written here too, so that all of them, from wherever, are recorded alike.
 */
export class ApiServer {
  readonly #run: Run;
  readonly #hosts: HostRule;
  readonly #gate = new BodyGate();
  readonly #requestTimeoutMs: number;
  readonly #app: FastifyInstance;
  /** Calls that are being worked on, and what is to be done when there are none. */
  #working = 0;
  #onIdle = (): void => {};

  readonly #answering: Answering = {
    answer: (response, answer) => this.#send(response.req as ArrivedRequest, response, answer),
    record: (method, uri, answer) => this.#record(method, uri, answer),
  };

  /**
   * @param requestTimeoutMs how long a request may stand still
   */
  constructor(run: Run, operations: readonly Operation[], requestTimeoutMs: number) {
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#run = run;
    this.#hosts = new HostRule(run.context.publicUrl);
    this.#app = Fastify({
      serverFactory: (handler) => this.#createServer(handler),
      clientErrorHandler: (error, socket) => answerClientError(error, socket, this.#answering),
      forceCloseConnections: true,
      return503OnClosing: false,
      exposeHeadRoutes: false,
      genReqId: () => '',
      routerOptions: { maxParamLength: MAX_HEADER_BYTES, querystringParser: () => ({}) },
    });
    this.#route(operations);
  }

  /** Listens; every operation answers when this is fulfilled. */
  async listen(host: string, port: number): Promise<number> {
    await this.#app.listen({ host, port });
    const address = this.#app.server.address();
    if (address === null || typeof address === 'string') throw new Error('Not listening on a port');
    this.#hosts.listens(address.port);
    return address.port;
  }

  /** Waits for calls that have arrived, up to `limitMs` milliseconds. */
  async settle(limitMs: number): Promise<void> {
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, limitMs).unref());
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    if (this.#working > 0) await Promise.race([idle, deadline]);
  }

  /** Stops listening and closes all connections. */
  async close(): Promise<void> {
    await this.#app.close();
  }

  #createServer(handler: RequestListener): Server {
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        // Idle connections stay open as long as the run lasts; requests that stand still are ended by the watch.
        keepAliveTimeout: 0,
        headersTimeout: 0,
        requestTimeout: 0,
        requireHostHeader: false,
        noDelay: true,
        IncomingMessage: ArrivedRequest,
      },
      (request, response) => this.#arrive(request, response, handler),
    );
    server.on('checkExpectation', (request, response) => this.#arrive(request, response, handler));
    watchConnections(server, this.#answering, this.#requestTimeoutMs);
    return server;
  }

  /** The checks before routing: where the request goes. */
  #arrive(request: ArrivedRequest, response: ServerResponse, handler: RequestListener): void {
    this.#run.counters.requests++;
    const target = this.#hosts.resolve(request.url!, request.headers.host, request.httpVersion);
    const given = request.headers['x-request-id'];
    const requestId =
      typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
    if (target.kind === 'here') {
      const { path, query } = normalizePath(target.path);
      request.arrival = { requestId, uri: target.path, path, query };
      // The router decodes once what is encoded here once more: parameters arrive as they were sent.
      request.url = path.includes('%') ? path.replaceAll('%', '%25') : path;
      handler(request, response);
      return;
    }
    request.arrival = { requestId, uri: request.url!, path: '', query: '' };
    if (target.kind === 'refused' || !mayForward(this.#run.context.forward, target.host, target.port)) {
      this.#track(this.#send(request, response, ANSWERS.hostNotAllowed));
      return;
    }
    const destination = { ...target, lookup: this.#run.context.lookup };
    const forwarded = forward(request, response, destination).then((reached) =>
      reached ? undefined : this.#send(request, response, ANSWERS.unreachable),
    );
    this.#track(forwarded);
  }

  #route(operations: readonly Operation[]): void {
    // Bodies are read by the operations, when there is room for them: to the framework no method has one.
    for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
      this.#app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
    }
    const paths = Map.groupBy(operations, (operation) => operation.path);
    for (const [url, ofPath] of paths) {
      const byMethod = new Map(ofPath.map((operation) => [operation.method as string, operation]));
      this.#app.route({
        method: this.#app.supportedMethods,
        url,
        handler: (request, reply) => {
          reply.hijack();
          const raw = request.raw as ArrivedRequest;
          const operation = byMethod.get(request.method);
          const work = operation
            ? this.#perform(operation, raw, reply.raw, request.params as Record<string, string>)
            : this.#send(raw, reply.raw, methodNotAllowed([...byMethod.keys()]));
          this.#track(work);
        },
      });
    }
    this.#app.setNotFoundHandler((request, reply) => {
      reply.hijack();
      this.#track(this.#send(request.raw as ArrivedRequest, reply.raw, ANSWERS.noResource));
    });
  }

  async #perform(
    operation: Operation,
    request: ArrivedRequest,
    response: ServerResponse,
    parameters: Readonly<Record<string, string>>,
  ): Promise<void> {
    const call = new HttpCall(this.#run, request, response, parameters, this.#gate);
    try {
      const answer = await operation.handle(call);
      if (answer) await this.#send(request, response, answer);
    } catch (error) {
      await this.#sendError(operation, request, response, error);
    } finally {
      call.end();
    }
  }

  async #sendError(
    operation: Operation,
    request: ArrivedRequest,
    response: ServerResponse,
    error: unknown,
  ): Promise<void> {
    if (error instanceof AbortedError || response.destroyed) return;
    if (response.headersSent) {
      // The answer was under way: without its end the client sees that it is incomplete.
      response.destroy();
      return;
    }
    if (error instanceof MalformedJsonError) {
      await this.#send(request, response, ANSWERS.malformedJson);
      return;
    }
    const reads = /^\/(?:input|items)\//.test(operation.path);
    const unexpected = reads ? ANSWERS.invalidFile : ANSWERS.internal;
    await this.#send(request, response, error instanceof Refusal ? error.answer : unexpected);
  }

  /** Writes an answer, and records it first when it is no success. */
  async #send(request: ArrivedRequest, response: ServerResponse, answer: Answer): Promise<void> {
    const { arrival } = request;
    const { status, body } = answer;
    if (status < 200 || status > 299) {
      const text = request.method === 'HEAD' ? { ...answer, body: null } : answer;
      await this.#record(request.method ?? '', arrival?.uri ?? request.url ?? '', text);
      this.#run.noteRefusedWrite(request.method ?? '', arrival?.path ?? '', status);
    }
    const headers: Record<string, string | number> = {
      'X-Request-Id': arrival?.requestId ?? randomUUID(),
      'Cache-Control': 'no-store',
      ...answer.headers,
    };
    if (body !== null) {
      headers['Content-Type'] ??= 'application/json';
      headers['Content-Length'] = Buffer.byteLength(body);
    }
    response.writeHead(status, headers);
    if (body === null || request.complete || response.shouldKeepAlive) response.end(body ?? undefined);
    else endAfterBody(request, response, body);
    // The next request of the connection stands behind what is left of this one's body.
    if (!request.complete) request.resume();
  }

  async #record(method: string, uri: string, answer: Answer): Promise<void> {
    this.#run.counters.errors++;
    const body = answer.body?.toString() ?? '';
    await this.#run.log.write({
      level: 'error',
      source: 'container-api',
      message: `${method} ${uri} answered ${answer.status}.`,
      context: { method, uri, status: answer.status, body },
    });
  }

  #track(work: Promise<void>): void {
    this.#working++;
    void work.finally(() => {
      if (--this.#working === 0) this.#onIdle();
    });
  }
}

/**
 * Answers at once, but closes only when the client has sent what it is sending: closed before, its system would throw
 * the answer away with the connection.
 */
function endAfterBody(request: IncomingMessage, response: ServerResponse, body: string | Buffer): void {
  response.write(body);
  request.once('close', () => response.end());
}
