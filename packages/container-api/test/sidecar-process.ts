import { startContainerApi } from '../src/index.ts';
import { testContext } from './test-run.ts';

/** A Container API in a process of its own, to be killed. Tells its port, and its memory when asked. */
const [folder = '', type = 'datasource', port = '0'] = process.argv.slice(2);
const context = testContext(folder, {
  connector: { id: 'x', name: 'x', type: type as 'datasource' | 'export' },
});
const api = await startContainerApi(context, { host: '127.0.0.1', port: Number(port) });
process.send?.({ port: api.port });
process.on('message', () => process.send?.({ maxRssMb: process.resourceUsage().maxRSS / 1024 }));
