import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import multipart from '@fastify/multipart';
import { messages, type Operation } from '@slipway/contract';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Context } from '../context.ts';
import { Refusal, refused } from '../errors.ts';
import { type RefusalRecorder, refusalRecorder } from '../events/refusals.ts';
import type { Actor } from '../identity/actor.ts';
import { authenticate } from '../identity/authenticate.ts';
import type { Services } from '../services.ts';
import { serveDocsExtras } from '../system/docs.ts';
import { mayReadMetrics } from '../system/metrics.ts';
import { checkRoleAndScope } from './access.ts';
import { sendJson } from './answers.ts';
import { handlerOf, refusalOf } from './pipeline.ts';
import { type RateLimit, rateLimit, requestsPerMinute } from './rate-limit.ts';
import type { Route } from './route.ts';
import type { Resolvers } from './subjects.ts';
import { uploadLimits } from './upload.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation;
  }
  interface FastifyRequest {
    actor: Actor;
  }
}

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/;
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Who a `public` operation acts as; it holds no right at all. */
const nobody: Actor = {
  kind: 'system',
  id: '00000000-0000-0000-0000-000000000000',
  name: null,
  role: 'viewer',
  scopes: new Set(),
  organizations: [],
};

/**
 * The HTTP face: one route for every bound operation, answers of chapter 1. It holds no rule of its own beyond the
 * order of checks.
 */
export function buildApp(
  services: Services,
  routes: readonly Route[],
  resolvers: Resolvers,
  limits: { requestsPerMinute: number } = { requestsPerMinute },
): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: services.settings.bodyLimitMib * 1024 * 1024,
    trustProxy: services.settings.trustProxy,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: 1000 },
    frameworkErrors: (_error, request, reply) => {
      setHeaders(request, reply);
      sendJson(reply, 404, '{"message":"Resource not found."}');
    },
  });

  app.decorateRequest('actor', null as unknown as Actor);
  app.removeAllContentTypeParsers();
  // Parsed later, after the checks that come before it; an empty body is no body.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    // Decoding would put replacement characters in the place of what was sent.
    if (!isUtf8(body as Buffer)) return done(refused(messages.malformedJson));
    const text = body.toString();
    done(null, text.trim() === '' ? undefined : text);
  });
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply);
    // The router would take what follows the slash for an empty parameter (1.1: a trailing slash is not accepted).
    if (/^[^?]+\/(\?|$)/.test(request.url)) await sendJson(reply, 404, '{"message":"Resource not found."}');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { log } = services;
    const { operation } = request.routeOptions.config;
    services.metrics.answered(operation?.id ?? null, reply.statusCode, reply.elapsedTime);
    log.debug(
      {
        requestId: request.id,
        actor: request.actor?.id,
        method: request.method,
        url: request.url.split('?')[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
  app.setNotFoundHandler((_request, reply) => sendJson(reply, 404, '{"message":"Resource not found."}'));
  const recordRefusal = refusalRecorder();
  app.setErrorHandler((error, request, reply) => answerError(services, recordRefusal, error, request, reply));

  const limit = rateLimit(limits.requestsPerMinute);
  for (const route of routes.filter(({ operation }) => !operation.upload)) {
    addRoute(app, services, limit, route, resolvers, routes);
  }
  // Forms are a content type of these operations alone; everywhere else they are refused.
  app.register(async (forms) => {
    await forms.register(multipart, { limits: uploadLimits });
    for (const route of routes.filter(({ operation }) => operation.upload)) {
      addRoute(forms, services, limit, route, resolvers, routes);
    }
  });
  for (const [url, operations] of byPath(routes)) refuseOtherMethods(app, url, operations);
  serveDocsExtras(app);
  return app;
}

function addRoute(
  app: FastifyInstance,
  services: Services,
  limit: RateLimit,
  route: Route,
  resolvers: Resolvers,
  routes: readonly Route[],
): void {
  const { operation } = route;
  const handle = handlerOf(route, resolvers, routes);
  app.route({
    method: operation.method,
    url: fastifyPath(operation.path),
    config: { operation },
    onRequest: async (request) => {
      refuseTrailingSlash(request);
      if (operation.access === 'public') {
        request.actor = nobody;
        return;
      }
      if (operation.metricsToken && mayReadMetrics(services.settings, request)) {
        request.actor = nobody;
        return;
      }
      request.actor = await authenticate(services, request.headers.authorization);
      await limit(request.actor.credential ?? request.actor.id);
      checkRoleAndScope(operation, request.actor, request.params as Record<string, string>);
    },
    handler: (request, reply) => handle(request, reply, contextOf(services, request)),
  });
}

/** A wildcard would take a slash at the end, which no path has (1.1). */
function refuseTrailingSlash(request: FastifyRequest): void {
  const path = (request.params as Record<string, string | undefined>)['*'];
  if (path === '' || path?.endsWith('/')) throw new Refusal(404, { message: messages.routeNotFound });
}

const contextOf = (services: Services, request: FastifyRequest): Context => ({
  actor: request.actor,
  db: services.db,
  services,
  requestId: request.id,
  ip: request.ip,
});

function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('X-Request-Id', request.id);
  reply.header('Cache-Control', 'no-store');
}

async function answerError(
  services: Services,
  recordRefusal: RefusalRecorder,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const refusal = refusalOf(error);
  if (refusal) {
    if (refusal.status === 503) services.log.warn({ requestId: request.id, err: error }, 'out of reach');
    const { operation } = request.routeOptions.config;
    if (refusal.status === 403 && operation) {
      await recordRefusal(contextOf(services, request), operation, request.params as Record<string, string>);
    }
    return sendJson(reply.headers(refusal.headers), refusal.status, JSON.stringify(refusal.body));
  }
  services.log.error(
    { requestId: request.id, method: request.method, url: request.url.split('?')[0], err: error },
    'request failed',
  );
  return sendJson(reply, 500, '{"message":"Internal server error."}');
}

/** `/connectors/{publicId}` → `/connectors/:publicId`; a last `{path}` may contain slashes. */
const fastifyPath = (path: string): string => path.replace(/\{path\}$/, '*').replace(/\{(\w+)\}/g, ':$1');

function byPath(routes: readonly Route[]): Map<string, Operation[]> {
  const paths = new Map<string, Operation[]>();
  for (const { operation } of routes) {
    const url = fastifyPath(operation.path);
    paths.set(url, [...(paths.get(url) ?? []), operation]);
  }
  return paths;
}

function refuseOtherMethods(app: FastifyInstance, url: string, operations: Operation[]): void {
  const allowed: string[] = operations.map((operation) => operation.method);
  if (allowed.includes('GET')) allowed.push('HEAD');
  const others = methods.filter((method) => !allowed.includes(method));
  app.route({
    method: [...others],
    url,
    // Answered before any body is read.
    onRequest: async (request, reply) => {
      refuseTrailingSlash(request);
      await sendJson(reply.header('Allow', allowed.join(', ')), 405, '{"message":"Method not allowed."}');
    },
    handler: async () => undefined,
  });
}
