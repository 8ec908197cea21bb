/**
 * Runs a TypeScript or JavaScript file with the project's own Node: node scripts/with-node.mjs <file> [arguments]
 */
import { ensureInstalled } from './lib/install.mjs';
import { runNode } from './lib/run.mjs';

await ensureInstalled();
process.exitCode = (await runNode(process.argv.slice(2))).code;
