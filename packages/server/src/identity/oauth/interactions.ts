import type { FastifyInstance, FastifyReply } from 'fastify';
import type Provider from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Services } from '../../services.ts';
import { openUpstream, upstreamCallback } from '../upstream/upstream.ts';
import { checkPassword } from './check-password.ts';
import { choosePassword, showChoosePassword } from './choose-password.ts';
import { consentPage, failurePage } from './pages.ts';
import { makeGrant, nameOf } from './provider.ts';
import { publicRequest } from './public-request.ts';
import { clientOf, finish, formOf, type Step, send, sendSignIn, waitText } from './step.ts';
import { goUpstream, returnFromUpstream, signInFromUpstream } from './upstream-steps.ts';

type Handler = (step: Step) => Promise<FastifyReply>;

/** A form of the sign-in is a few hundred bytes. */
const mostBytes = 16 * 1024;

/**
 * The pages between "a client asks" and "the user has answered": sign-in, a
 * password of one's own, and consent. A signed cookie, SameSite=Lax and
 * only for the interaction's own path, says whose interaction it is; no other site's form carries it.
 */
export function addInteractions(app: FastifyInstance, services: Services, provider: () => Provider): void {
  const upstream = openUpstream(services);
  app.register(async (scope) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: mostBytes },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
    );
    scope.setErrorHandler((error, request, reply) => {
      if (error instanceof errors.SessionNotFound) {
        return send(reply, 400, failurePage('This page is too old, or belongs to another browser.'));
      }
      if ((error as { statusCode?: number }).statusCode === 413) {
        return send(reply, 413, failurePage('That was too much text.'));
      }
      services.log.error({ requestId: request.id, err: error }, 'sign-in failed');
      return send(reply, 500, failurePage('Internal server error.'));
    });
    for (const [method, suffix, step] of steps) {
      scope.route({
        method,
        url: `/oauth/interaction/:uid${suffix}`,
        handler: async (request, reply) => {
          const site = request.headers['sec-fetch-site'];
          if (method === 'POST' && site !== undefined && site !== 'same-origin') {
            return send(reply, 403, failurePage('This form was sent by another site.'));
          }
          const current = provider();
          const details = await current.interactionDetails(publicRequest(services, request), reply.raw);
          const { redirect_uri: redirectUri } = details.params;
          return step({
            services,
            provider: current,
            upstream,
            request,
            reply,
            details,
            path: `/oauth/interaction/${details.uid}`,
            redirectUri: typeof redirectUri === 'string' ? redirectUri : null,
          });
        },
      });
    }
    if (upstream) scope.get(upstreamCallback, returnFromUpstream);
  });
}

async function show(step: Step): Promise<FastifyReply> {
  const { services, reply, details, path, redirectUri } = step;
  if (details.prompt.name === 'login') {
    const hint = details.params.login_hint;
    return sendSignIn(step, 200, typeof hint === 'string' ? { email: hint } : {});
  }
  if (details.prompt.name === 'password') return showChoosePassword(step);
  const client = nameOf(await clientOf(step));
  const user = await services.db
    .selectFrom('users')
    .select('email')
    .where('id', '=', details.session?.accountId ?? '')
    .executeTakeFirstOrThrow();
  const page = consentPage({
    path,
    client,
    user: user.email,
    scopes: String(details.params.scope ?? ''),
    host: redirectUri && new URL(redirectUri).host,
  });
  return send(reply, 200, page, redirectUri);
}

async function signIn(step: Step): Promise<FastifyReply> {
  const { services, request, reply, details, path } = step;
  if (details.prompt.name !== 'login') return reply.redirect(path, 303);
  const { email = '', password = '' } = formOf(step);
  const checked = await checkPassword(services, {
    email: email.trim(),
    password,
    ip: request.ip,
    requestId: request.id,
  });
  if ('userId' in checked) {
    return finish(step, { login: { accountId: checked.userId, amr: ['pwd'], remember: true } });
  }
  const { wait } = checked;
  if (wait > 0) reply.header('retry-after', wait);
  const problem = wait > 0 ? waitText(wait) : 'E-mail address or password is wrong.';
  return sendSignIn(step, wait > 0 ? 429 : 400, { email: email.trim(), problem });
}

async function allow(step: Step): Promise<FastifyReply> {
  const { services, provider, request, reply, details, path } = step;
  const userId = details.session?.accountId;
  const client = await clientOf(step);
  if (details.prompt.name !== 'consent' || !userId || !client) return reply.redirect(path, 303);
  const grant = await makeGrant(services, provider, {
    userId,
    client,
    scopes: String(details.params.scope ?? ''),
    ip: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
    requestId: request.id,
  });
  return finish(step, { consent: { grantId: grant.jti } });
}

const cancel = (step: Step): Promise<FastifyReply> =>
  finish(step, { error: 'access_denied', error_description: 'The user cancelled.' });

const steps: [method: 'GET' | 'POST', suffix: string, step: Handler][] = [
  ['GET', '', show],
  ['POST', '/sign-in', signIn],
  ['GET', '/upstream', goUpstream],
  ['GET', '/upstream/return', signInFromUpstream],
  ['POST', '/password', choosePassword],
  ['POST', '/allow', allow],
  ['POST', '/cancel', cancel],
];
