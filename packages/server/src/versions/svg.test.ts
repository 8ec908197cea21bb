import { expect, test } from 'vitest';
import { isHarmlessSvg } from './svg.ts';

const svg = (inner: string, attributes = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${inner}</svg>`;
const judge = (text: string) => isHarmlessSvg(Buffer.from(text));

test.each([
  ['a shape', svg('<path d="M0 0h1v1z"/>')],
  ['an XML declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${svg('<g/>')}`],
  ['a style sheet', svg('<style>.a{fill:#f00}</style><rect class="a"/>')],
  ['a reference within', svg('<rect fill="url(#g)"/><use href="#a"/><use xlink:href="#a"/>')],
  ['embedded pixels', svg('<image href="data:image/png;base64,iVBORw0KGgo="/>')],
  [
    'metadata of an editor',
    svg('<e:view xmlns:e="http://www.inkscape.org/namespaces/inkscape" e:zoom="1"/>'),
  ],
  ['the built-in entities', svg('<title>A &amp; B &#65;</title>')],
  ['an animation', svg('<animate attributeName="x" from="0" to="1"/>')],
])('%s is harmless', (_what, text) => {
  expect(judge(text)).toBe(true);
});

test.each([
  ['nothing', ''],
  ['no XML', 'hello'],
  ['HTML', '<html><body/></html>'],
  ['no namespace', '<svg><path/></svg>'],
  ['unclosed', '<svg xmlns="http://www.w3.org/2000/svg">'],
  ['two roots', svg('') + svg('')],
  ['a script', svg('<script>alert(1)</script>')],
  ['a script in capitals', svg('<SCRIPT>alert(1)</SCRIPT>')],
  ['a prefixed script', svg('<s:script xmlns:s="http://www.w3.org/2000/svg"/>')],
  ['XHTML', svg('<h:img xmlns:h="http://www.w3.org/1999/xhtml" alt=""/>')],
  ['a foreign object', svg('<foreignObject/>')],
  ['an event handler', svg('<rect/>', 'onload="alert(1)"')],
  ['an event handler in capitals', svg('<rect ONCLICK="alert(1)"/>')],
  ['an animated handler', svg('<set attributeName="onclick" to="alert(1)"/>')],
  ['an animated reference', svg('<animate attributeName="xlink:href" values="http://x.example"/>')],
  ['XML events', svg('<rect ev:event="load" xmlns:ev="http://www.w3.org/2001/xml-events"/>')],
  ['a doctype', `<!DOCTYPE svg>${svg('')}`],
  ['an entity', `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('<title>&a;</title>')}`],
  ['an unknown entity', svg('<title>&a;</title>')],
  ['a style sheet outside', `<?xml-stylesheet href="http://x.example/a.css"?>${svg('')}`],
  ['an outside image', svg('<image href="http://x.example/a.png"/>')],
  ['an outside xlink', svg('<use xlink:href="//x.example/a.svg#a"/>')],
  ['a relative reference', svg('<use href="other.svg#a"/>')],
  ['an SVG in a data address', svg('<image href="data:image/svg+xml;base64,AAAA"/>')],
  ['a script address', svg('<a href="java&#10;script:alert(1)"/>')],
  ['another base', svg('<g xml:base="http://x.example/"/>')],
  ['an outside style', svg('<rect style="fill:url(http://x.example/a)"/>')],
  ['an outside fill', svg('<rect fill="url( \'http://x.example/a\' )"/>')],
  ['an escaped fill', svg('<rect fill="u\\72l(http://x.example/a)"/>')],
  ['an import', svg('<style>@import "http://x.example/a.css";</style>')],
  ['an escaped import', svg('<style>@\\69mport "http://x.example/a.css";</style>')],
  ['an import in CDATA', svg('<style><![CDATA[@imp]]><![CDATA[ort "http://x.example";]]></style>')],
  ['a font', svg('<style>@font-face{src:url(http://x.example/a)}</style>')],
  ['an address hidden by strings', svg('<style>a{b:"/*";c:url(http://x.example);d:"*/"}</style>')],
  ['a parted address', svg('<style>a{b:image-set("http://x.example" 1x)}</style>')],
  ['another encoding', `<?xml version="1.0" encoding="UTF-7"?>${svg('')}`],
])('%s is refused', (_what, text) => {
  expect(judge(text)).toBe(false);
});

test('bytes that are no UTF-8 are refused', () => {
  expect(isHarmlessSvg(Buffer.from(svg('<g/>'), 'utf16le'))).toBe(false);
});
