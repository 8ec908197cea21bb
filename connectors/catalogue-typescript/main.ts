/** Example data source: writes the products of a bundled catalogue, as they would come from a shop. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { run } from '@slipway/connector-sdk';

interface Product {
  readonly id: string;
  readonly category: readonly string[];
}

await run(async ({ output, settings, log, signal }) => {
  const category = settings.get('category');
  log.info('Reading the catalogue.', { category: category ?? 'all' });
  const file = createReadStream(new URL('./catalogue.ndjson', import.meta.url), { signal });
  for await (const line of createInterface({ input: file })) {
    const product: Product = JSON.parse(line);
    if (category !== undefined && product.category[0] !== category) continue;
    await output.write(product);
    if (settings.flag('fail-on-purpose') && output.count === 400) {
      log.error(`The shop refused the password ${settings.get('shop-password', '(none)')}.`);
      throw new Error('Failing on purpose, as the form asked for.');
    }
  }
  await output.flush();
  log.success(`${output.count} products written.`, { products: output.count });
});
