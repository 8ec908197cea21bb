import { parseArgs } from 'node:util';
import { ownProcess } from './process/own-process.ts';
import { EXIT, serveRun } from './process/sidecar.ts';

/*
 * The sidecar as a process: `node main.ts --config run.json`. This is what the sidecar's image runs; people call
 * `slipway container-api`, which does the same.
 */

async function main(): Promise<number> {
  const sidecar = ownProcess();
  let config: string | undefined;
  try {
    ({ config } = parseArgs({ options: { config: { type: 'string' } } }).values);
  } catch (error) {
    sidecar.complain((error as Error).message);
    return EXIT.wrongUse;
  }
  if (config === undefined) {
    sidecar.complain('Name the configuration of the run: --config run.json');
    return EXIT.wrongUse;
  }
  return serveRun(config, sidecar);
}

// What is left open, such as the standard input, must not keep an ended sidecar alive.
process.exit(await main());
