import {
  checkParameters,
  checkQuery,
  type FieldErrors,
  messages,
  type Operation,
  type StreamType,
} from '@slipway/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Context } from '../context.ts';
import { badRequest, notFound, Refusal, refused } from '../errors.ts';
import { checkSubject } from './access.ts';
import { type Answer, answerOf, sendAnswer, sendFile } from './answers.ts';
import { requireBody } from './body.ts';
import { noneMatch } from './etag.ts';
import { answerOnce, hashOf, idempotencyKeyOf } from './idempotency.ts';
import { guardOf } from './if-match.ts';
import type { FileAnswer, Input, Route } from './route.ts';
import type { Found, Resolver, Resolvers } from './subjects.ts';
import { requireMultipart, uploadOf } from './upload.ts';

const noBody = Type.Object({}, { additionalProperties: false });

/**
 * The handler of one operation: the order of checks of chapter 1.3 from the body's form on. (Route, token, rate, role and
 * scope were decided before the body was read.)
 *
 * @param routes all of them: what a change is compared with is shown by another one
 */
export function handlerOf(route: Route, resolvers: Resolvers, routes: readonly Route[]) {
  const { operation } = route;
  const answer = changeOf(route, resolvers, routes);
  return async (request: FastifyRequest, reply: FastifyReply, context: Context): Promise<FastifyReply> => {
    if (operation.method === 'GET') return read(route, resolvers, request, reply, context);
    const json = bodyOf(operation, request);
    const key = idempotencyKeyOf(operation, request);
    if (key === null) return sendAnswer(reply, await answer(request, reply, context, json));
    const { upload } = operation;
    const content = upload ? await uploadOf(request, reply, upload.maxBytes)() : request.body;
    const given = await answerOnce(context, key, hashOf(request, content), (work) =>
      answer(request, reply, work, json),
    );
    return sendAnswer(reply, given);
  };
}

async function read(
  { operation, verb, stream }: Route,
  resolvers: Resolvers,
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
): Promise<FastifyReply> {
  const address = checkAddress(operation, request);
  const found = await findSubject(operation, resolvers, context, address.params);
  const input = inputOf(operation, request, reply, address, found, {});
  const type = wantedStream(operation, request.headers.accept);
  if (type && stream) {
    const answer = await stream(context, input, type);
    return reply
      .headers(answer.headers ?? {})
      .type(type === 'application/x-ndjson' ? type : `${type}; charset=utf-8`)
      .send(answer.stream);
  }
  const result: unknown = await verb(context, input);
  if (operation.success.envelope === 'file') return sendFile(reply, result as FileAnswer);
  const answer = answerOf(operation, result, address);
  const { etag } = answer.headers;
  const held = request.headers['if-none-match'];
  if (etag !== undefined && held !== undefined && !noneMatch(held, etag)) {
    return sendAnswer(reply, { status: 304, headers: { etag }, body: null });
  }
  return sendAnswer(reply, answer);
}

/** A change from its address on, in the transaction of its `If-Match` where one is sent. */
function changeOf({ operation, verb }: Route, resolvers: Resolvers, routes: readonly Route[]) {
  const guard = guardOf(operation, routes);
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: Context,
    json: unknown,
  ): Promise<Answer> => {
    const address = checkAddress(operation, request);
    const found = await findSubject(operation, resolvers, context, address.params);
    const change = async (work: Context): Promise<Answer> =>
      answerOf(
        operation,
        await verb(work, inputOf(operation, request, reply, address, found, json)),
        address,
      );
    const header = request.headers['if-match'];
    return guard && header !== undefined ? guard(context, header, found, address, change) : change(context);
  };
}

/** @throws 400 with every faulty field of the body */
function inputOf(
  operation: Operation,
  request: FastifyRequest,
  reply: FastifyReply,
  { params, query, page }: Address,
  found: Found<unknown> | null,
  json: unknown,
): Input<Operation> {
  const body = operation.looseBody ? json : requireBody(operation.body ?? noBody, json, operation.rules);
  return {
    params,
    query,
    page,
    body,
    subject: found?.subject,
    upload: operation.upload && uploadOf(request, reply, operation.upload.maxBytes),
    lastEventId: Number.parseInt(String(request.headers['last-event-id'] ?? '0'), 10) || 0,
  } as unknown as Input<Operation>;
}

/** The form of the body (step 5); a file is read when the verb asks for it. */
function bodyOf(operation: Operation, request: FastifyRequest): unknown {
  if (!operation.upload) return parseBody(request.body);
  requireMultipart(request);
  return {};
}

/** The body as an object; nothing at all counts as `{}`. */
function parseBody(body: unknown): unknown {
  if (body === undefined || body === null) return {};
  let value: unknown;
  try {
    value = JSON.parse(body as string);
  } catch {
    throw refused(messages.malformedJson);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused(messages.malformedJson);
  return value;
}

type Address = ReturnType<typeof checkAddress>;

/** @throws 400 with every faulty value */
function checkAddress(operation: Operation, request: FastifyRequest) {
  const { values: params, errors } = checkParameters(
    pathValues(request),
    operation.patterns,
    operation.patternTexts,
  );
  if (operation.malformedPath && Object.keys(errors).length > 0) throw notFound(operation.malformedPath);
  const {
    values: query,
    page,
    errors: queryErrors,
    sentence,
  } = checkQuery(operation, request.query as Record<string, string | string[] | undefined>);
  const all: FieldErrors = { ...errors, ...queryErrors };
  if (sentence) throw refused(sentence);
  if (Object.keys(all).length > 0) throw badRequest(all);
  return { path: request.url.split('?')[0] as string, params, query, page };
}

/** The values of the path; a last `{path}` is a wildcard of the router (see app.ts), which has no name there. */
function pathValues(request: FastifyRequest): Record<string, string> {
  const { '*': path, ...named } = request.params as Record<string, string>;
  return path === undefined ? named : { ...named, path };
}

async function findSubject(
  operation: Operation,
  resolvers: Resolvers,
  context: Context,
  params: Record<string, string>,
): Promise<Found<unknown> | null> {
  if (!operation.subject) return null;
  const resolver = resolvers[operation.subject as keyof Resolvers] as Resolver<never> | undefined;
  if (!resolver) throw new Error(`No resolver for the subject ${operation.subject} of ${operation.id}.`);
  const found = await resolver(context, params);
  checkSubject(operation, found);
  return found;
}

/** The stream a client asks for by `Accept`, when the operation offers it (1.12). */
function wantedStream(operation: Operation, accept: string | undefined): StreamType | null {
  if (operation.success.envelope === 'raw' && operation.success.contentType === 'text/event-stream') {
    return 'text/event-stream';
  }
  if (operation.success.envelope !== 'list' || !accept) return null;
  const wanted = accept.split(',').map((part) => part.split(';')[0]?.trim().toLowerCase());
  return operation.success.streams?.find((type) => wanted.includes(type)) ?? null;
}

/** Turns whatever a request ran into into a refusal that may be shown; null for a fault of ours. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Refusal(413, { message: messages.tooLarge, errors: [] });
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Refusal(415, { message: messages.unsupportedMediaType, errors: [] });
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' || code === 'FST_ERR_CTP_INVALID_JSON_BODY') {
    return refused(messages.malformedJson);
  }
  if (typeof code === 'string' && unavailableCodes.has(code)) return outOfReach();
  if (error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect'))
    return outOfReach();
  return null;
}

const outOfReach = (): Refusal => new Refusal(503, { message: messages.unavailable }, { 'retry-after': '5' });

/** The database does not answer, is starting, or is shutting down. */
const unavailableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08006',
  '08001',
]);
