import { carriesEtag, messages, type Operation, type Page } from '@slipway/contract';
import contentDisposition from 'content-disposition';
import type { FastifyReply } from 'fastify';
import type { Refusal } from '../errors.ts';
import { jsonText } from '../json.ts';
import { etagOf } from './etag.ts';
import type { ListResult } from './list-result.ts';
import { type FileAnswer, Reply } from './route.ts';

const jsonType = 'application/json; charset=utf-8';

/** A whole answer, as it goes out and as it is kept for an `Idempotency-Key`. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** Null: no body. */
  body: string | Buffer | null;
}

/** A verb's result in the envelope its operation declares (1.4); the order of the keys is fixed. */
export function answerOf(
  operation: Operation,
  result: unknown,
  request: { path: string; query: Record<string, unknown>; page: Page },
): Answer {
  const { success } = operation;
  const given = result instanceof Reply ? result : new Reply(result);
  switch (success.envelope) {
    case 'single': {
      const data = jsonText(given.data);
      return json(
        given.status ?? success.status ?? 200,
        `{"message":${JSON.stringify(given.message ?? success.message)},"resource":"${success.resource}","data":${data}}`,
        carriesEtag(operation) ? { etag: etagOf(data) } : {},
      );
    }
    case 'list': {
      const list = result as ListResult;
      const metadata = {
        from: list.from,
        limit: request.page.limit,
        count: list.items.length,
        total: list.total,
        next: list.after === null ? null : nextAddress(operation, request, list.after),
      };
      return json(
        200,
        `{"data":[${list.items.join(',')}],"metadata":${JSON.stringify(metadata)},"message":"${messages.list}","resource":"${success.resource}"}`,
        list.headers,
      );
    }
    case 'message':
      return json(
        given.status ?? success.status ?? 200,
        JSON.stringify({ message: given.message ?? success.message }),
      );
    case 'bare':
      return json(
        given.status ?? success.status ?? 200,
        `{"message":${JSON.stringify(given.message ?? success.message)},"data":${jsonText(given.data)}}`,
      );
    case 'background':
      return json(
        202,
        JSON.stringify({ message: success.message, data: { state: { uuid: result as string } } }),
      );
    case 'empty':
      return { status: 204, headers: {}, body: null };
    case 'file':
      throw new Error(`A file is sent, not kept: ${operation.id} has to be a read.`);
    case 'raw':
      return {
        status: 200,
        headers: { 'content-type': success.contentType, ...given.headers },
        body: isText(given.data) ? given.data : jsonText(given.data),
      };
  }
}

const isText = (data: unknown): data is string | Buffer => typeof data === 'string' || Buffer.isBuffer(data);

const json = (status: number, body: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': jsonType, ...headers },
  body,
});

/** What a refusal says. */
export const answerOfRefusal = ({ status, body, headers }: Refusal): Answer =>
  json(status, JSON.stringify(body), headers);

export const sendAnswer = (reply: FastifyReply, { status, headers, body }: Answer): FastifyReply =>
  body === null ? reply.code(status).headers(headers).send() : reply.code(status).headers(headers).send(body);

/** Browsers keep the file and never show it as a page of ours. */
export const sendFile = (reply: FastifyReply, { name, sizeBytes, content }: FileAnswer): FastifyReply =>
  reply
    .headers({
      'content-disposition': contentDisposition(name),
      'content-length': sizeBytes,
      'x-content-type-options': 'nosniff',
    })
    .type('application/octet-stream')
    .send(content);

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
