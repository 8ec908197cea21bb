import { type SidecarProcess, serveRun } from '@slipway/container-api';
import { Command } from 'commander';
import type { Ended } from './ended.ts';

const HELP = `
The configuration is a JSON file; its paths are relative to its folder. The least it can hold:

  {
    "connector": { "type": "export" },
    "inputs": { "input": { "file": "products.csv" } },
    "outputs": { "feedback": "feedback.ndjson" },
    "listen": { "port": 8080 }
  }

When all endpoints answer, a line {"event":"listening","url":…} is printed; the connector is then started with that url
as CONTAINER_API_URL. SIGTERM says that the run is over: the results are written, and {"event":"ended",…} is printed.
SIGINT (Ctrl-C) gives the run up: results are written, checkpoints of the run are not kept. Killed and started again with
the same configuration, it goes on where it was.

All keys: docs/guides/standalone-sidecar.md

Exit codes: 0 well, 1 rows or files were lost, 2 the configuration can not be used.`;

/** `slipway container-api`: the Container API of one run, files in, files out. */
export const containerApi = (sidecar: SidecarProcess, ended: Ended): Command =>
  new Command('container-api')
    .summary('serve the Container API of one run, files in, files out')
    .description('Serves the Container API of one run to a connector that you start yourself.')
    .requiredOption('--config <file>', 'configuration of the run (JSON)')
    .addHelpText('after', HELP)
    .action(async ({ config }: { config: string }) => ended(await serveRun(config, sidecar)));
