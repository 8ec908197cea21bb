/** A whole server on a database of its own, with connectors to list. */
import pino from 'pino';
import { issueBootstrapToken } from '../../packages/server/src/identity/first-admin.ts';
import { startServer } from '../../packages/server/src/server.ts';
import { parseSettings } from '../../packages/server/src/settings.ts';
import { ready } from './target.ts';

const { settings } = parseSettings(process.env);
const server = await startServer(settings, pino({ level: 'warn' }), undefined, {
  requestsPerMinute: Number.MAX_SAFE_INTEGER,
});
ready({ url: server.url, token: await issueBootstrapToken(server.services) }, () => server.stop());
