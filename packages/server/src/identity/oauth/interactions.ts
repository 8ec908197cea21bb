import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults } from 'oidc-provider';
import type { Services } from '../../services.ts';
import { checkPassword } from './check-password.ts';
import { publicRequest } from './mount.ts';
import { consentPage, failurePage, signInPage } from './pages.ts';
import { makeGrant, nameOf } from './provider.ts';
import { pageHeaders } from './send-page.ts';

/** A form of the sign-in is a few hundred bytes. */
const mostBytes = 16 * 1024;

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** One request of a person on the way through a sign-in. */
interface Step {
  services: Services;
  provider: Provider;
  request: FastifyRequest;
  reply: FastifyReply;
  details: Details;
  /** Path of the interaction, to which its forms belong. */
  path: string;
  /** Where the browser goes at the end, if it is no device. */
  redirectUri: string | null;
}

/**
 * The pages between "a client asks" and "the user has answered": sign-in and consent. A signed cookie, SameSite=Lax and
 * only for the interaction's own path, says whose interaction it is; no other site's form carries it.
 */
export function addInteractions(app: FastifyInstance, services: Services, provider: () => Provider): void {
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
    const steps = { '': show, '/sign-in': signIn, '/allow': allow, '/cancel': cancel };
    for (const [suffix, step] of Object.entries(steps)) {
      scope.route({
        method: suffix === '' ? 'GET' : 'POST',
        url: `/oauth/interaction/:uid${suffix}`,
        handler: async (request, reply) => {
          const site = request.headers['sec-fetch-site'];
          if (suffix !== '' && site !== undefined && site !== 'same-origin') {
            return send(reply, 403, failurePage('This form was sent by another site.'));
          }
          const current = provider();
          const details = await current.interactionDetails(publicRequest(services, request), reply.raw);
          const { redirect_uri: redirectUri } = details.params;
          return step({
            services,
            provider: current,
            request,
            reply,
            details,
            path: `/oauth/interaction/${details.uid}`,
            redirectUri: typeof redirectUri === 'string' ? redirectUri : null,
          });
        },
      });
    }
  });
}

const send = (reply: FastifyReply, status: number, page: string, redirectUri?: string | null): FastifyReply =>
  reply
    .code(status)
    .headers(pageHeaders(redirectUri ? [redirectUri] : []))
    .send(page);

/** Back to the provider, with what the user answered. */
async function finish(step: Step, result: InteractionResults): Promise<FastifyReply> {
  const { provider, request, reply } = step;
  const next = await provider.interactionResult(request.raw, reply.raw, result, {
    mergeWithLastSubmission: !('error' in result),
  });
  return reply.redirect(next, 303);
}

const clientOf = ({ provider, details }: Step) => provider.Client.find(String(details.params.client_id));

async function show(step: Step): Promise<FastifyReply> {
  const { services, reply, details, path, redirectUri } = step;
  const client = nameOf(await clientOf(step));
  if (details.prompt.name === 'login') {
    const hint = details.params.login_hint;
    const email = typeof hint === 'string' ? { email: hint } : {};
    return send(reply, 200, signInPage({ path, client, ...email }), redirectUri);
  }
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
  const { services, request, reply, details, path, redirectUri } = step;
  if (details.prompt.name !== 'login') return reply.redirect(path, 303);
  const { email = '', password = '' } = (request.body ?? {}) as Record<string, string>;
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
  const text =
    wait > 0
      ? `Too many attempts. Try again in ${wait === 1 ? 'a second' : `${wait} seconds`}.`
      : 'E-mail address or password is wrong.';
  if (wait > 0) reply.header('retry-after', wait);
  const page = signInPage({ path, client: nameOf(await clientOf(step)), email: email.trim(), problem: text });
  return send(reply, wait > 0 ? 429 : 400, page, redirectUri);
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
