import { messages, type Operation, type Page } from '@slipway/contract';
import type { FastifyReply } from 'fastify';
import { jsonText } from '../json.ts';
import { type ListResult, Reply } from './route.ts';

const jsonType = 'application/json; charset=utf-8';

/** Sends a verb's result in the envelope its operation declares (1.4); the order of the keys is fixed. */
export function sendResult(
  reply: FastifyReply,
  operation: Operation,
  result: unknown,
  request: { path: string; query: Record<string, unknown>; page: Page },
): FastifyReply {
  const { success } = operation;
  const given = result instanceof Reply ? result : new Reply(result);
  switch (success.envelope) {
    case 'single':
      return sendJson(
        reply,
        given.status ?? success.status ?? 200,
        `{"message":${JSON.stringify(given.message ?? success.message)},"resource":"${success.resource}","data":${jsonText(given.data)}}`,
      );
    case 'list': {
      const list = result as ListResult;
      const metadata = {
        from: list.from,
        limit: request.page.limit,
        count: list.items.length,
        total: list.total,
        next: list.after === null ? null : nextAddress(operation, request, list.after),
      };
      reply.headers(list.headers ?? {});
      return sendJson(
        reply,
        200,
        `{"data":[${list.items.join(',')}],"metadata":${JSON.stringify(metadata)},"message":"${messages.list}","resource":"${success.resource}"}`,
      );
    }
    case 'message':
      return sendJson(
        reply,
        given.status ?? success.status ?? 200,
        JSON.stringify({ message: given.message ?? success.message }),
      );
    case 'bare':
      return sendJson(
        reply,
        given.status ?? success.status ?? 200,
        `{"message":${JSON.stringify(given.message ?? success.message)},"data":${jsonText(given.data)}}`,
      );
    case 'background':
      return sendJson(
        reply,
        202,
        JSON.stringify({ message: success.message, data: { state: { uuid: result as string } } }),
      );
    case 'empty':
      return reply.code(204).send();
    case 'raw':
      reply.headers(given.headers);
      if (given.headers.etag && hasAlready(reply, given.headers.etag)) return reply.code(304).send();
      return reply
        .code(200)
        .type(success.contentType)
        .send(Buffer.isBuffer(given.data) ? given.data : jsonText(given.data));
  }
}

/** Does `If-None-Match` name this tag? Weak comparison, as reads ask for (RFC 9110, 13.1.2). */
const hasAlready = (reply: FastifyReply, etag: string): boolean =>
  (reply.request.headers['if-none-match'] ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === etag);

export const sendJson = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type(jsonType).send(text);

/** A relative address with every filter and the cursor: `/connectors?limit=100&type=export&after=…`. */
function nextAddress(
  operation: Operation,
  { path, query, page }: { path: string; query: Record<string, unknown>; page: Page },
  after: string,
): string {
  const search = new URLSearchParams({ limit: String(page.limit) });
  for (const name of Object.keys(operation.query ?? {})) {
    if (query[name] !== undefined) search.set(name, String(query[name]));
  }
  search.set('after', after);
  return `${path}?${search}`;
}
