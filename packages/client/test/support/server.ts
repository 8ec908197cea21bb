import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** What the n-th request is answered, from 0. */
export type Respond = (response: ServerResponse, request: Received, index: number) => void;

/** An HTTP server on loopback that behaves as badly as the test wants; gone when the test is over. */
export async function serve(respond: Respond): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      const entry = {
        method: request.method as string,
        url: request.url as string,
        headers: request.headers,
        body,
      };
      received.push(entry);
      respond(response, entry, received.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export const done = { message: 'successful operation', resource: 'connector', data: { id: 'x' } };

/** A page of a list. */
export const page = (data: unknown[], next: string | null = null) => ({
  data,
  metadata: { from: 0, limit: 2, count: data.length, total: 9, next },
  message: 'successful operation',
  resource: 'connector',
});
