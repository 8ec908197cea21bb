import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ANSWERS, type Answer, failure, methodNotAllowed } from './answers.ts';

/** How answers get out that no operation gives. */
export interface Answering {
  answer(response: ServerResponse, answer: Answer): Promise<void>;
  /** Notes an answer that had to be written without a request. */
  record(method: string, uri: string, answer: Answer): Promise<void>;
}

/** What is under way on a connection. */
interface Progress {
  response: ServerResponse | null;
  /** Bytes that had been read when the last request was complete: more means that another one has begun. */
  settledBytes: number;
}

/**
 * Looks after connections: ends requests that stand still and answers what is no HTTP request. Idle connections are left
 * alone however long they last.
 *
 * @param requestTimeoutMs a request of which no byte arrives for so long is given up
 */
export function watchConnections(server: Server, answering: Answering, requestTimeoutMs: number): void {
  const connections = new WeakMap<Socket, Progress>();

  server.on('connection', (socket) => {
    const progress: Progress = { response: null, settledBytes: 0 };
    connections.set(socket, progress);
    socket.setTimeout(requestTimeoutMs);
  });

  // Without this listener the connection would be closed, idle or not.
  server.on('timeout', (socket: Socket) => {
    const progress = connections.get(socket);
    if (!progress) return;
    const { response, settledBytes } = progress;
    if (response) {
      // What was read but not yet taken waits for us, not for the client.
      const waitsForClient = !response.req.complete && response.req.readableLength === 0;
      if (waitsForClient && !response.headersSent) {
        // The call still waits for its body: it is told when the connection is gone.
        socket.once('close', () => response.req.destroy());
        void answering.answer(response, ANSWERS.timedOut).then(() => socket.destroySoon());
      }
    } else if (socket.bytesRead > settledBytes) {
      void writeBare(socket, ANSWERS.timedOut, answering);
    }
  });

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const progress = connections.get(request.socket);
    if (!progress) return;
    progress.response = response;
    response.once('close', () => {
      if (progress.response === response) progress.response = null;
      progress.settledBytes = request.socket.bytesRead;
    });
  });

  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    void writeBare(socket, methodNotAllowed(['GET', 'POST', 'PUT', 'DELETE']), answering, request);
  });
}

/** Answers what is no HTTP request, or has a head that is too large. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, answering: Answering): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  void writeBare(socket, tooLarge ? ANSWERS.headerTooLarge : NOT_HTTP, answering);
}

const NOT_HTTP = failure(400, 'Bad request.', {});

/** Answers on a connection that has no request that could be answered, and closes it. */
async function writeBare(
  socket: Socket,
  answer: Answer,
  answering: Answering,
  request?: IncomingMessage,
): Promise<void> {
  await answering.record(request?.method ?? '', request?.url ?? '', answer);
  const body = answer.body?.toString() ?? '';
  const headers = {
    'X-Request-Id': crypto.randomUUID(),
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
    ...answer.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const reason = REASONS[answer.status] ?? '';
  socket.end(`HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join('')}\r\n${body}`);
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};
