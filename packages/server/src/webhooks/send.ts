import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { EgressPolicy } from '@slipway/engine';
import { pinnedTo } from '../http/outgoing.ts';
import { version } from '../version.ts';

const answerWithinMs = 10_000;
const keptCharacters = 1000;

/** A message as it goes out. */
export interface Message {
  url: string;
  /** `webhook-id` */
  id: string;
  body: string;
  /** `whsec_…` */
  secret: string;
}

/** What the receiver said; status null: no answer, and the body tells why. */
export interface Outcome {
  status: number | null;
  body: string | null;
}

/**
 * The signature of a message: HMAC-SHA256 under the base64 part of the secret over `<id>.<timestamp>.<body>` (3.17, as
 * Standard Webhooks describe it).
 *
 * @param timestamp Unix seconds
 */
export function signatureOf({ id, body, secret }: Message, timestamp: number): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/**
 * Posts a message. Connects to the addresses that were checked, whatever the name resolves to later; follows no redirect;
 * gives up after 10 s. Never throws: what went wrong is in the outcome.
 */
export async function send(message: Message, egress: EgressPolicy): Promise<Outcome> {
  try {
    const url = new URL(message.url);
    const addresses = await egress.resolve(url.hostname);
    return await post(message, url, addresses);
  } catch (error) {
    return { status: null, body: reasonOf(error).slice(0, keptCharacters) };
  }
}

const reasonOf = (error: unknown): string => {
  const { name, message } = error as Error;
  return name === 'TimeoutError' || name === 'AbortError' ? 'No answer within 10 seconds.' : message;
};

function post(message: Message, url: URL, addresses: readonly string[]): Promise<Outcome> {
  const timestamp = Math.floor(Date.now() / 1000);
  const body = Buffer.from(message.body);
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    lookup: pinnedTo(addresses),
    agent: false,
    signal: AbortSignal.timeout(answerWithinMs),
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': `Slipway/${version}`,
      'webhook-id': message.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatureOf(message, timestamp),
    },
  });
  request.on('error', reject);
  request.on('response', (response) => {
    const status = response.statusCode ?? null;
    let text = '';
    response.setEncoding('utf8');
    const settle = (): void => {
      // PostgreSQL has no NUL in texts.
      resolve({ status, body: text.replaceAll('\0', '').slice(0, keptCharacters) });
      request.destroy();
    };
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length >= keptCharacters) settle();
    });
    // An answer whose body breaks off is one all the same: its status stands.
    for (const end of ['end', 'error', 'aborted']) response.on(end, settle);
  });
  request.end(body);
  return promise;
}
