import type { FastifyReply, FastifyRequest } from 'fastify';
import { begin } from '../attempts.ts';
import { matchUser, type Stranger } from '../upstream/match-user.ts';
import { forgottenCookie, pendingCookie, readPending } from '../upstream/pending-cookie.ts';
import { UpstreamError, type UpstreamUser } from '../upstream/upstream.ts';
import { failurePage } from './pages.ts';
import { upstreamMethod } from './provider.ts';
import { finish, type Step, send, sendSignIn, waitText } from './step.ts';

const queryOf = ({ url }: FastifyRequest): URLSearchParams => new URL(url, 'http://slipway').searchParams;
const isSecure = ({ services }: Step): boolean => services.settings.publicUrl.startsWith('https:');

/** Sends the browser to the other provider. */
export async function goUpstream(step: Step): Promise<FastifyReply> {
  const { services, upstream, request, reply, details, path } = step;
  if (!upstream || details.prompt.name !== 'login') return reply.redirect(path, 303);
  const { wait } = await begin(services.db, { ip: request.ip, account: null });
  if (wait > 0) {
    reply.header('retry-after', wait);
    return sendSignIn(step, 429, { problem: waitText(wait), typedWell: true });
  }
  const { login_hint: hint } = details.params;
  try {
    const { url, pending } = await upstream.begin({
      statePrefix: details.uid,
      loginHint: typeof hint === 'string' ? hint : null,
      // A client that wants to be sure who is there is not served with an old session elsewhere.
      again:
        queryOf(request).has('again') || details.prompt.reasons.some((reason) => reason !== 'no_session'),
    });
    reply.header(
      'set-cookie',
      await pendingCookie(services.signingKeys, pending, { path, secure: isSecure(step) }),
    );
    return reply.redirect(url, 303);
  } catch (error) {
    return sendProblem(step, upstream.host, error);
  }
}

const statePattern = /^([\w-]{10,64})\.[\w-]{20,100}$/;

/**
 * Where the other provider sends the browser back to: one address for all sign-ins, as it is registered there. The
 * cookies of a sign-in are those of its own path, so the answer is taken there.
 */
export async function returnFromUpstream(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = queryOf(request);
  const uid = statePattern.exec(query.get('state') ?? '')?.[1];
  if (uid === undefined) return send(reply, 400, failurePage('This address belongs to no sign-in.'));
  return reply.redirect(`/oauth/interaction/${uid}/upstream/return?${query}`, 303);
}

/** The browser is back from the other provider: who is it? */
export async function signInFromUpstream(step: Step): Promise<FastifyReply> {
  const { services, upstream, request, reply, details, path } = step;
  if (!upstream || details.prompt.name !== 'login') return reply.redirect(path, 303);
  const query = queryOf(request);
  const pending = await readPending(services.signingKeys, request.headers.cookie);
  if (!pending || pending.state !== query.get('state')) {
    return sendSignIn(step, 400, {
      problem: `This sign-in at ${upstream.host} is too old. Begin it again.`,
      typedWell: true,
    });
  }
  // An answer is taken once.
  reply.header('set-cookie', forgottenCookie(path, isSecure(step)));
  try {
    const who = await upstream.finish(query, pending);
    const matched = await matchUser(services, who, { ip: request.ip, requestId: request.id });
    if ('stranger' in matched) {
      const problem = strangers[matched.stranger](who.email, upstream.host);
      return sendSignIn(step, 403, { problem, typedWell: true, again: true });
    }
    return finish(step, { login: { accountId: matched.userId, amr: [upstreamMethod], remember: true } });
  } catch (error) {
    return sendProblem(step, upstream.host, error);
  }
}

type Text = (email: UpstreamUser['email'], host: string) => string;

const strangers: Record<Stranger, Text> = {
  unverified: (email, host) =>
    email === null
      ? `${host} does not tell your e-mail address, so no account can be found.`
      : `${host} has not verified the e-mail address ${email}, so it opens no account.`,
  unknown: (email) =>
    email === null
      ? 'You have no active account here. Ask an admin for an invitation.'
      : `There is no active account for ${email}. Ask an admin for an invitation.`,
  taken: (email, host) => `The account of ${email} belongs to another user of ${host}. Ask an admin.`,
};

const problems: Record<UpstreamError['problem'], (host: string) => string> = {
  unreachable: (host) =>
    `${host} does not answer as it should. Sign in with your password, or try again later.`,
  refused: (host) => `${host} refused the sign-in. An admin finds the reason in the server\u2019s log.`,
  cancelled: (host) => `You did not sign in at ${host}.`,
  unverified: (host) =>
    `The answer of ${host} does not hold. Try again; an admin finds the reason in the server\u2019s log.`,
};

/** Back to the sign-in page: a failing provider keeps nobody from signing in with a password. */
function sendProblem(step: Step, host: string, error: unknown): Promise<FastifyReply> {
  if (!(error instanceof UpstreamError)) throw error;
  const { services, request } = step;
  const { problem } = error;
  if (problem !== 'cancelled') {
    services.log.warn(
      { requestId: request.id, reason: reasonOf(error) },
      'sign-in at the other provider failed',
    );
  }
  const status = problem === 'unreachable' ? 502 : 400;
  return sendSignIn(step, status, {
    problem: problems[problem](host),
    typedWell: true,
    again: problem === 'cancelled',
  });
}

/** What went wrong, without the answers of the provider: they may hold tokens. */
function reasonOf(error: Error): string[] {
  const {
    code,
    error: name,
    error_description: description,
    message,
    cause,
  } = error as Error & {
    code?: unknown;
    error?: unknown;
    error_description?: unknown;
  };
  const own = [code, name, description, message].filter((part) => typeof part === 'string').join(': ');
  return [own, ...(cause instanceof Error ? reasonOf(cause) : [])];
}
