/**
 * Example data source that fails: it writes a row, says what is wrong, and crashes. The row stays with the run; the site
 * keeps what it had.
 */
import { run } from '@slipway/connector-sdk';

await run(async ({ output, log }) => {
  await output.write({ id: '1', title: 'The only row' });
  log.error('The shop does not answer.', { attempts: 3 });
  process.stderr.write('giving up after three attempts\n');
  throw new Error('The shop does not answer.');
});
