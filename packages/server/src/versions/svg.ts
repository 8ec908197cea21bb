import { SaxesParser, type SaxesTagNS } from 'saxes';

/** What an SVG of a logo can do without; XHTML in it would run scripts, XML events would start them. */
const refusedNamespaces = new Set([
  'http://www.w3.org/1999/xhtml',
  'http://www.w3.org/1998/Math/MathML',
  'http://www.w3.org/2001/xml-events',
]);
const refusedElements = new Set([
  'script',
  'foreignobject',
  'handler',
  'listener',
  'iframe',
  'embed',
  'object',
  'audio',
  'video',
  'canvas',
  'discard',
]);
const svgNamespace = 'http://www.w3.org/2000/svg';
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

class NotAllowed extends Error {}

/**
 * Is this a picture and nothing more: well-formed SVG without scripts, event handlers, foreign objects, entities and
 * references to anything outside itself? Embedded pixel images are part of the file.
 */
export function isHarmlessSvg(bytes: Uint8Array): boolean {
  try {
    check(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch (error) {
    // Not UTF-8, not well-formed, or refused below.
    if (error instanceof TypeError || error instanceof NotAllowed) return false;
    throw error;
  }
}

function refuseWhen(wrong: boolean): void {
  if (wrong) throw new NotAllowed();
}

function check(text: string): void {
  const parser = new SaxesParser({ xmlns: true });
  /** Texts of the open `style` elements; their parts are read as one. */
  const styles: string[] = [];
  let depth = 0;
  parser.on('error', () => refuseWhen(true));
  // Browsers would read the bytes in that encoding, and so something else than was checked.
  parser.on('xmldecl', ({ encoding }) =>
    refuseWhen(encoding !== undefined && encoding.toLowerCase() !== 'utf-8'),
  );
  parser.on('doctype', () => refuseWhen(true));
  // Only style sheets are known, and they lie outside.
  parser.on('processinginstruction', () => refuseWhen(true));
  parser.on('opentag', (tag) => {
    refuseWhen(depth === 0 && (tag.uri !== svgNamespace || tag.local !== 'svg'));
    depth += 1;
    checkElement(tag);
    if (isStyle(tag)) styles.push('');
  });
  const addText = (part: string): void => {
    if (styles.length > 0) styles[styles.length - 1] += part;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', (tag) => {
    depth -= 1;
    if (isStyle(tag)) checkCss(styles.pop() ?? '');
  });
  parser.write(text).close();
}

const isStyle = ({ local }: { local: string }): boolean => local.toLowerCase() === 'style';

function checkElement({ uri, local, attributes }: SaxesTagNS): void {
  refuseWhen(refusedNamespaces.has(uri) || refusedElements.has(local.toLowerCase()));
  for (const { uri: space, local: name, value } of Object.values(attributes)) {
    if (space === xmlnsNamespace) continue;
    checkAttribute(space, name.toLowerCase(), value);
  }
}

function checkAttribute(space: string, name: string, value: string): void {
  refuseWhen(name.startsWith('on') || refusedNamespaces.has(space));
  // Another base would make every reference an outside one.
  refuseWhen(name === 'base');
  if (name === 'href' || name === 'src') refuseWhen(!isInside(value));
  // An animation could put in place what is not there at first.
  if (name === 'attributename') refuseWhen(/^(?:.*:)?(?:href|src|on.*)$/i.test(value.trim()));
  refuseWhen(/(?:java|vb|live)script:/i.test(value.replace(/[\s\p{Cc}]/gu, '')));
  if (name === 'style') checkCss(value);
  else {
    // One value of a property, such as that of `fill`: an escape could spell the function differently.
    refuseWhen(value.includes('\\') && value.includes('('));
    checkUrls(value);
  }
}

/** A part of this file, or pixels that it brings along. */
const isInside = (address: string): boolean => {
  const trimmed = address.trim();
  return (
    trimmed.startsWith('#') || /^data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*$/i.test(trimmed)
  );
};

/** CSS of a style sheet or a `style` attribute. */
function checkCss(css: string): void {
  // Escapes would hide the words looked for below; pictures do not need them.
  refuseWhen(css.includes('\\'));
  // A comment can part a word, but what looks like one can also stand in a string: both readings must be harmless.
  for (const text of [css, css.replace(/\/\*[\s\S]*?(?:\*\/|$)/g, '')]) {
    refuseWhen(/@import|@font-face|@namespace|expression\s*\(|-moz-binding|behaviou?r\s*:/i.test(text));
    refuseWhen(/(?:image|image-set|cross-fade|src|element|paint)\s*\(/i.test(text));
    checkUrls(text);
  }
}

function checkUrls(text: string): void {
  for (const [, inner = ''] of text.matchAll(/url\s*\(([^)]*)/gi)) {
    refuseWhen(!isInside(inner.trim().replace(/^(["'])(.*)\1$/s, '$2')));
  }
}
