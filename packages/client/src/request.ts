import { acceptsIdempotencyKey, type Operation, type QueryParameter } from '@slipway/contract';
import type { CallOptions } from './types.ts';

/** What a method is given, whatever the operation. */
export interface AnyInput {
  query?: Record<string, unknown>;
  body?: unknown;
  file?: Blob;
  [pathValue: string]: unknown;
}

/** A request that can be sent as often as needed. */
export interface PreparedRequest {
  operation: string;
  method: string;
  /** Address behind the server's, with its query. */
  path: string;
  headers: Record<string, string>;
  body: string | Blob | null;
  /** A read, or a change under an idempotency key: sending it twice does no harm. */
  repeatable: boolean;
}

/** @throws TypeError when a path value is missing, or would lead to another address */
export async function prepareRequest(
  operation: Operation,
  input: AnyInput,
  options: CallOptions,
): Promise<PreparedRequest> {
  const keyed = acceptsIdempotencyKey(operation);
  const { body, type } = await encodeBody(input);
  return {
    operation: operation.id,
    method: operation.method,
    path: pathOf(operation, input) + queryOf(operation, input.query ?? {}),
    headers: {
      ...(type === null ? {} : { 'content-type': type }),
      ...(keyed ? { 'idempotency-key': options.idempotencyKey ?? newKey() } : {}),
      ...(options.ifMatch === undefined ? {} : { 'if-match': options.ifMatch }),
      ...options.headers,
    },
    body,
    repeatable: operation.method === 'GET' || keyed,
  };
}

function pathOf(operation: Operation, input: AnyInput): string {
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = input[name];
    if ((typeof value !== 'string' && typeof value !== 'number') || value === '') {
      throw new TypeError(`${operation.id} needs the path value "${name}".`);
    }
    // A file's path keeps its slashes.
    const parts = name === 'path' ? String(value).split('/') : [String(value)];
    if (parts.some((part) => part === '.' || part === '..')) {
      throw new TypeError(`The path value "${name}" of ${operation.id} must not be "." or "..".`);
    }
    return parts.map(encodeURIComponent).join('/');
  });
}

function queryOf(operation: Operation, query: Record<string, unknown>): string {
  const known: Record<string, QueryParameter> = operation.query ?? {};
  const values = Object.entries(query).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || value === null) return [];
    const several = known[name]?.kind === 'uuids' || known[name]?.kind === 'choices';
    return [[name, several && Array.isArray(value) ? value.join(',') : String(value)]];
  });
  return values.length === 0 ? '' : `?${new URLSearchParams(values)}`;
}

async function encodeBody({
  body,
  file,
}: AnyInput): Promise<{ body: string | Blob | null; type: string | null }> {
  if (file) {
    const form = new FormData();
    form.append('logo', file);
    // Written once: every attempt sends the same bytes, with the same boundary between the parts.
    const encoded = new Response(form);
    const type = encoded.headers.get('content-type');
    return { body: await encoded.blob(), type };
  }
  return body === undefined
    ? { body: null, type: null }
    : { body: JSON.stringify(body), type: 'application/json' };
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that come over plain HTTP. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
