import type { FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import type { InteractionResults } from 'oidc-provider';
import type { Services } from '../../services.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type SignInForm, signInPage } from './pages.ts';
import { nameOf } from './provider.ts';
import { pageHeaders } from './send-page.ts';

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** One request of a person on the way through a sign-in. */
export interface Step {
  services: Services;
  provider: Provider;
  /** Another provider that people may sign in at. */
  upstream: Upstream | null;
  request: FastifyRequest;
  reply: FastifyReply;
  details: Details;
  /** Path of the interaction, to which its forms belong. */
  path: string;
  /** Where the browser goes at the end, if it is no device. */
  redirectUri: string | null;
}

export const send = (
  reply: FastifyReply,
  status: number,
  page: string,
  redirectUri?: string | null,
): FastifyReply =>
  reply
    .code(status)
    .headers(pageHeaders(redirectUri ? [redirectUri] : []))
    .send(page);

/** Back to the provider, with what the user answered. */
export async function finish(step: Step, result: InteractionResults): Promise<FastifyReply> {
  const { provider, request, reply } = step;
  const next = await provider.interactionResult(request.raw, reply.raw, result, {
    mergeWithLastSubmission: !('error' in result),
  });
  return reply.redirect(next, 303);
}

export const clientOf = ({ provider, details }: Step) =>
  provider.Client.find(String(details.params.client_id));

/** The fields of a form, as they were typed. */
export const formOf = ({ request }: Step): Record<string, string | undefined> =>
  (request.body ?? {}) as Record<string, string | undefined>;

/**
 * The sign-in page, at the beginning and whenever a try came to nothing.
 *
 * @param again the other provider shall ask who it is, or a session there would lead to the same end once more
 */
export async function sendSignIn(
  step: Step,
  status: number,
  { again = false, ...more }: Pick<SignInForm, 'email' | 'problem' | 'typedWell'> & { again?: boolean } = {},
): Promise<FastifyReply> {
  const { reply, path, redirectUri } = step;
  const client = nameOf(await clientOf(step));
  const upstream = step.upstream && { host: step.upstream.host, again };
  return send(reply, status, signInPage({ path, client, upstream, ...more }), redirectUri);
}

/** What to say to who has tried too often. */
export const waitText = (seconds: number): string =>
  `Too many attempts. Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`;
