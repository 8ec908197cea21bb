/**
 * Example download: fetches the file of a supplier into the exchange folder, from where the transform reads it. Without an
 * address it takes the price list that comes along.
 */
import { createReadStream } from 'node:fs';
import { run } from '@slipway/connector-sdk';

await run(async ({ exchange, settings, log, signal }) => {
  const address = settings.get('file-url');
  log.info('Downloading the price list.', { address: address ?? 'the one that comes along' });
  const path = await exchange.write(
    'supplier.csv',
    address === undefined
      ? createReadStream(new URL('./supplier.csv', import.meta.url))
      : await download(address, signal),
  );
  log.success('The price list is there.', { path });
});

async function download(address: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const answer = await fetch(address, { signal });
  if (!answer.ok || answer.body === null)
    throw new Error(`The supplier answered ${answer.status} for ${address}.`);
  return answer.body;
}
