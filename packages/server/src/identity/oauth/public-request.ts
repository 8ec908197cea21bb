import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Services } from '../../services.ts';

/**
 * The request as it came to the public address: the provider makes its addresses from these headers, and whatever a
 * client or a proxy wrote there must not change them.
 */
export function publicRequest({ settings }: Services, request: FastifyRequest): IncomingMessage {
  const { protocol, host } = new URL(settings.publicUrl);
  Object.assign(request.raw.headers, {
    host,
    'x-forwarded-host': host,
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-for': request.ip,
    'x-request-id': request.id,
  });
  return request.raw;
}
