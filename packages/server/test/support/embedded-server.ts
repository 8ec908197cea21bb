/**
 * A server process for the tests of the embedded PostgreSQL: starts it in the folder given, prints one JSON line when it is
 * up, and stops it at SIGTERM. Lines of progress go to standard error.
 */
import { startEmbeddedPostgres } from '../../src/database/embedded.ts';

const [home, outside] = process.argv.slice(2) as [string, string];
const server = await startEmbeddedPostgres({
  home,
  outside,
  log: (message) => process.stderr.write(`${message}\n`),
});
process.once('SIGTERM', async () => {
  await server.stop();
  process.exit(0);
});
process.stdout.write(`${JSON.stringify({ url: server.url, adopted: server.adopted })}\n`);
setInterval(() => {}, 60_000);
