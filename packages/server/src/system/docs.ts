import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { messages } from '@slipway/contract';
import type { FastifyInstance } from 'fastify';
import { Refusal } from '../errors.ts';
import { Reply } from '../http/route.ts';
import { icon } from '../identity/oauth/pages.ts';

/** Where the page's program lies; it belongs to the page, and is no operation. */
const scriptPath = '/docs/redoc.js';

/** The colours and letters of the other pages, and less empty space than the library leaves. */
const theme = {
  spacing: { sectionVertical: 24 },
  colors: { primary: { main: '#0b5cab' }, text: { primary: '#17202a' } },
  typography: {
    fontFamily: 'system-ui, sans-serif',
    headings: { fontFamily: 'system-ui, sans-serif', fontWeight: '600' },
    code: { fontFamily: 'ui-monospace, monospace', wrap: true },
  },
  sidebar: { backgroundColor: '#f4f5f7', textColor: '#17202a' },
  rightPanel: { backgroundColor: '#181e25' },
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="${icon}">
<title>Slipway API</title>
<style>body { margin: 0 }</style>
</head>
<body>
<redoc spec-url="/openapi.json" required-props-first="true" json-samples-expand-level="3"
  theme='${JSON.stringify(theme)}'></redoc>
<script src="${scriptPath}"></script>
<noscript>The reference needs JavaScript. The same is in <a href="/openapi.json">openapi.json</a>.</noscript>
</body>
</html>
`;

/** Nothing from elsewhere: the page works without a network, and tells nobody that it was read. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  // The page makes its styles, and its search, while it runs.
  "style-src 'unsafe-inline'",
  'worker-src blob:',
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `GET /docs` */
export const docs = async (): Promise<Reply> =>
  new Reply(page, {
    headers: {
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=300',
    },
  });

/** Serves what belongs to the page and is no operation: its program, out of the library's package, and the way to it. */
export function serveDocsExtras(app: FastifyInstance): void {
  // Who opens the server's address in a browser has to find something: the reference, as long as there is no portal (1.1).
  app.get('/', async (request, reply) => {
    if (request.headers.accept?.includes('text/html')) return reply.redirect('/docs', 302);
    throw new Refusal(404, { message: messages.routeNotFound });
  });
  let script: string | null = null;
  app.get(scriptPath, async (_request, reply) => {
    script ??= readFileSync(
      createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js'),
      'utf8',
    );
    return reply
      .headers({ 'cache-control': 'public, max-age=86400', 'x-content-type-options': 'nosniff' })
      .type('text/javascript; charset=utf-8')
      .send(script);
  });
}
