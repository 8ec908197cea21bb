/**
 * npm start: everything from a fresh clone to a running server with the demo workspace. Arguments go to `slipway serve`,
 * settings come from the environment. Ctrl-C stops it in order, a second one at once.
 */
import { ensureInstalled } from './lib/install.mjs';
import { runNode } from './lib/run.mjs';

await ensureInstalled();
const { code, stopped } = await runNode(['packages/server/src/main.ts', 'serve', ...process.argv.slice(2)]);
// A server that was asked to stop and did has done well, whatever the signal.
process.exitCode = stopped ? 0 : code;
