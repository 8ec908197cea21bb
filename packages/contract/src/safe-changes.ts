import type { Operation } from './operation.ts';

/** Does the answer carry one whole connector or version, or one entity of the platform, and so an `ETag` (1.10)? */
export const carriesEtag = ({ id, path, success }: Operation): boolean =>
  success.envelope === 'single' &&
  // Into the bin a connector goes without its versions, so it is not the whole one.
  id !== 'connector_move_to_bin' &&
  (success.resource === 'connector' ||
    success.resource === 'connector-version' ||
    path.startsWith('/platform/'));

/**
 * The address whose `ETag` the `If-Match` of a change is compared with (1.10): the version's below a version, the
 * connector's below a connector, and on the platform the entity's own. Null for operations that take no `If-Match`.
 */
export function guardedAddress({ method, path }: Operation): string | null {
  if (method === 'GET' || method === 'POST') return null;
  const below = /^\/connectors\/\{\w+\}(\/versions\/\{connectorVersion\})?/.exec(path);
  if (below) return `/connectors/{publicId}${below[1] ?? ''}`;
  // A file is uploaded below its data source: words behind the last parameter name a part of the entity.
  return path.startsWith('/platform/') ? path.replace(/[^}]*$/, '') || path : null;
}

/** May the change be sent again under an `Idempotency-Key`? Keys belong to users, so public operations take none. */
export const acceptsIdempotencyKey = ({ method, access }: Operation): boolean =>
  method !== 'GET' && access !== 'public';
