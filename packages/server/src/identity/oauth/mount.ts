import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { type Repeated, repeat } from '../../jobs/repeat.ts';
import type { Services } from '../../services.ts';
import { begin, forgetAttempts } from '../attempts.ts';
import { addInteractions } from './interactions.ts';
import { failurePage } from './pages.ts';
import { createProvider } from './provider.ts';
import { publicRequest } from './public-request.ts';
import { pageHeaders, strictHeaders } from './send-page.ts';

const minute = 60_000;

/**
 * Puts the provider below `/oauth`, with discovery where clients look for it, and its pages. Keys are looked after
 * while it stands, and what is over is swept.
 */
export function mountOAuth(app: FastifyInstance, services: Services): Repeated {
  let provider = createProvider(services, services.signingKeys.current());
  addInteractions(app, services, () => provider);
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      // The provider reads the body and answers by itself.
      reply.hijack();
      reply.raw.setHeader('X-Request-Id', request.id);
      for (const [name, value] of Object.entries(strictHeaders)) reply.raw.setHeader(name, value);
      const wait = await waitForGuess(services, request);
      if (wait > 0) {
        const headers = { ...pageHeaders(), 'retry-after': String(wait) };
        reply.raw
          .writeHead(429, headers)
          .end(failurePage(`Too many attempts. Try again in ${wait} seconds.`));
        return;
      }
      await provider.callback()(publicRequest(services, request), reply.raw);
    });
    for (const url of ['/oauth/*', '/.well-known/openid-configuration']) {
      scope.all(url, async () => undefined);
    }
  });
  return repeat(
    minute,
    async () => {
      if (await services.signingKeys.refresh()) {
        provider = createProvider(services, services.signingKeys.current());
      }
      await sweep(services);
    },
    services.log,
  );
}

/** The code of a device is short, so tries count like those to sign in. Seconds to wait, 0 for none. */
async function waitForGuess({ db }: Services, { method, url, ip }: FastifyRequest): Promise<number> {
  if (method !== 'POST' || url.split('?')[0] !== '/oauth/device') return 0;
  return (await begin(db, { ip, account: null })).wait;
}

async function sweep({ db }: Services): Promise<void> {
  await sql`
    WITH records AS (DELETE FROM oauth_records WHERE expires_at < now()),
      invitations AS (DELETE FROM invitations WHERE expires_at < now())
    DELETE FROM sign_ins WHERE expires_at < now()`.execute(db);
  await forgetAttempts(db);
}
