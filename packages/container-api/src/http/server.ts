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
import { AbortedError, readBody } from './body.ts';
import { BodyGate } from './body-gate.ts';
import { buffers } from './buffer-pool.ts';
import { type Answering, answerClientError, watchConnections } from './connections.ts';
import { forward, mayForward } from './forward.ts';
import type { Call, Operation } from './operation.ts';
import { decodeParameter, Query } from './parameters.ts';
import { sendBlocks } from './send-blocks.ts';
import { HostRule, normalizePath } from './target.ts';

/** Request line and headers together (container-api.md 2.4). */
const MAX_HEADER_BYTES = 16 * 1024;

/** What is known about a request before it is routed. */
interface Arrival {
  readonly requestId: string;
  /** As it is recorded: path and query as received, or the whole target when it names another host. */
  readonly uri: string;
  readonly path: string;
  readonly query: string;
}

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
  readonly #arrivals = new WeakMap<IncomingMessage, Arrival>();
  readonly #requestTimeoutMs: number;
  readonly #app: FastifyInstance;
  /** Calls that are being worked on. */
  readonly #calls = new Set<Promise<void>>();

  readonly #answering: Answering = {
    answer: (response, answer) => this.#send(response.req, response, answer),
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
    await Promise.race([Promise.all(this.#calls), deadline]);
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
      },
      (request, response) => this.#arrive(request, response, handler),
    );
    server.on('checkExpectation', (request, response) => this.#arrive(request, response, handler));
    watchConnections(server, this.#answering, this.#requestTimeoutMs);
    return server;
  }

  /** The checks before routing: where the request goes. */
  #arrive(request: IncomingMessage, response: ServerResponse, handler: RequestListener): void {
    this.#run.counters.requests++;
    const target = this.#hosts.resolve(request.url!, request.headers.host, request.httpVersion);
    const given = request.headers['x-request-id'];
    const requestId =
      typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
    if (target.kind === 'here') {
      const { path, query } = normalizePath(target.path);
      this.#arrivals.set(request, { requestId, uri: target.path, path, query });
      // The router decodes once what is encoded here once more: parameters arrive as they were sent.
      request.url = path.includes('%') ? path.replaceAll('%', '%25') : path;
      handler(request, response);
      return;
    }
    this.#arrivals.set(request, { requestId, uri: request.url!, path: '', query: '' });
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
          const operation = byMethod.get(request.method);
          const work = operation
            ? this.#perform(operation, request.raw, reply.raw, request.params as Record<string, string>)
            : this.#send(request.raw, reply.raw, methodNotAllowed([...byMethod.keys()]));
          this.#track(work);
        },
      });
    }
    this.#app.setNotFoundHandler((request, reply) => {
      reply.hijack();
      this.#track(this.#send(request.raw, reply.raw, ANSWERS.noResource));
    });
  }

  async #perform(
    operation: Operation,
    request: IncomingMessage,
    response: ServerResponse,
    parameters: Readonly<Record<string, string>>,
  ): Promise<void> {
    const arrival = this.#arrivals.get(request)!;
    const releases: (() => void)[] = [];
    const call: Call = {
      run: this.#run,
      request,
      response,
      path: arrival.path,
      queryText: arrival.query,
      query: new Query(arrival.query),
      parameter: (name) => decodeParameter(parameters[name] ?? ''),
      body: async () => {
        const body = await readBody(request, this.#run.context.bodyLimitBytes, this.#gate);
        releases.push(body.release);
        return body.bytes;
      },
      lend: (bytes) => {
        const buffer = buffers.take(bytes);
        response.once('close', () => {
          // What could not be written may still be with the system.
          if (response.writableFinished) buffers.giveBack(buffer);
        });
        return buffer.subarray(0, bytes);
      },
      sendBlocks: async (headers, blocks) => {
        const first = { 'X-Request-Id': arrival.requestId, 'Cache-Control': 'no-store' };
        response.writeHead(200, { ...first, ...headers });
        response.flushHeaders();
        await sendBlocks(response, blocks);
      },
      afterAnswer: (callback) => void response.once('close', callback),
    };
    try {
      const answer = await operation.handle(call);
      if (answer) await this.#send(request, response, answer);
    } catch (error) {
      await this.#sendError(operation, request, response, error);
    } finally {
      for (const release of releases) release();
    }
  }

  async #sendError(
    operation: Operation,
    request: IncomingMessage,
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
  async #send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    const arrival = this.#arrivals.get(request);
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
    this.#calls.add(work);
    void work.finally(() => this.#calls.delete(work));
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
