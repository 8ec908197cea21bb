import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Kind } from './settings-table.ts';

/** What the items of a list may be. */
const listItems = {
  ranges: { shown: 'addresses or ranges such as 10.0.0.0/8', fits: isRange },
  origins: { shown: 'origins such as https://portal.example.com', fits: isOrigin },
};

function isRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}

function isDockerHost(text: string): boolean {
  return /^unix:\/\/\/[^\s]+$/.test(text) || (/^(tcp|https?|ssh):\/\//.test(text) && URL.canParse(text));
}

function listOf(raw: string, of: keyof typeof listItems): string[] | undefined {
  const items = raw
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  return items.every(listItems[of].fits) ? items : undefined;
}

/** The value, or undefined when the text is none of this kind. */
export function parseValue(type: Kind, raw: string): unknown {
  switch (type.kind) {
    case 'text':
      return raw === '' ? null : raw;
    case 'choice':
      return type.values.includes(raw) ? raw : undefined;
    case 'integer':
      return /^\d{1,9}$/.test(raw) && inRange(Number(raw), type) ? Number(raw) : undefined;
    case 'number':
      return /^\d{1,6}(\.\d{1,6})?$/.test(raw) && inRange(Number(raw), type) ? Number(raw) : undefined;
    case 'boolean':
      return raw === 'true' ? true : raw === 'false' ? false : undefined;
    case 'list':
      return listOf(raw, type.of);
    case 'docker host':
      return raw === '' ? null : isDockerHost(raw) ? raw : undefined;
    case 'path':
      return raw === '' ? undefined : resolve(raw);
    case 'url':
      return URL.canParse(raw) && type.protocols.includes(new URL(raw).protocol)
        ? type.exact
          ? raw
          : raw.replace(/\/+$/, '')
        : undefined;
  }
}

const inRange = (value: number, { from, to }: { from: number; to: number }): boolean =>
  value >= from && value <= to;

/** How the text should read, for the error. */
export function allowed(type: Kind): string {
  switch (type.kind) {
    case 'choice':
      return `it can be ${type.values.join(', ')}`;
    case 'integer':
      return `it can be a whole number from ${type.from} to ${type.to}`;
    case 'number':
      return `it can be a number from ${type.from} to ${type.to}`;
    case 'boolean':
      return 'it can be true or false';
    case 'path':
      return 'it should be a path';
    case 'url':
      return `it should be an address that begins with ${type.protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    case 'list':
      return `it should be a list of ${listItems[type.of].shown}, separated by commas`;
    case 'docker host':
      return 'it should be empty, unix:///path, tcp://host:port, http://host:port, https://host:port or ssh://user@host';
    case 'text':
      return 'it can be any text';
  }
}
