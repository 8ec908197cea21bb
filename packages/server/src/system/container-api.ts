import { containerApiDocument, containerApiVersions, type operations } from '@slipway/contract';
import { notFound } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { RawJson } from '../json.ts';

type Operations = typeof operations;
type Version = (typeof containerApiVersions)[number];

/** `GET /container-api/versions`, highest first; the newest one stands beside connectors that ask for nothing else. */
export const containerApiVersionList: Verb<Operations['containerApiVersionList']> = async (
  { services },
  { page },
) => {
  const from = page.after === null ? page.from : decodeCursor(page.after, 1, isVersion).from;
  const items = containerApiVersions.slice(from, from + page.limit);
  const last = items.at(-1);
  const more = from + items.length < containerApiVersions.length;
  return {
    items: items.map((version) =>
      JSON.stringify({
        version,
        image: services.settings.containerApiImage,
        default: version === containerApiVersions[0],
      }),
    ),
    total: containerApiVersions.length,
    from,
    after: more && last ? encodeCursor({ from: from + items.length, keys: [last] }) : null,
  };
};

/** The documents never change while the server runs. */
const documents = new Map<Version, RawJson>();

/** `GET /container-api/openapi.json` */
export const containerApiOpenapi: Verb<Operations['containerApiOpenapi']> = async (_context, { query }) => {
  const version = query.version ?? containerApiVersions[0];
  if (!isVersion(version)) throw notFound('Container API version');
  const document = documents.get(version) ?? new RawJson(JSON.stringify(containerApiDocument(version)));
  documents.set(version, document);
  return document;
};

const isVersion = (text: string): text is Version =>
  (containerApiVersions as readonly string[]).includes(text);
