/**
 * Example data source: reads a bundled catalogue and writes its products, a few hundred at a time, to the Container
 * API. It has no dependencies; everything it needs is `fetch`.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const api = process.env.CONTAINER_API_URL ?? 'http://cde-container-api';
const batchSize = 200;

if (process.argv.includes('--health')) {
  // The build asks whether the connector starts at all.
  process.stdout.write('ready\n');
  process.exit(0);
}

/** Calls the Container API; anything but the expected status ends the connector with a clear message. */
async function call(method: string, path: string, expected: number, body?: unknown): Promise<void> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
}

const log = (level: string, message: string, context: Record<string, unknown> = {}): Promise<void> =>
  call('POST', `/logs/${level}`, 201, { message, context });

async function main(): Promise<void> {
  const category = process.env.CATEGORY ?? '';
  await log('info', 'Reading the catalogue.', { category: category || 'all' });
  let batch: unknown[] = [];
  let written = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    await call('POST', '/output/output', 201, { data: batch });
    written += batch.length;
    process.stdout.write(`${written} products written\n`);
    batch = [];
  };
  const lines = createInterface({ input: createReadStream(new URL('./catalogue.ndjson', import.meta.url)) });
  for await (const line of lines) {
    const product = JSON.parse(line) as { category: string[] };
    if (category !== '' && product.category[0] !== category) continue;
    batch.push(product);
    if (batch.length === batchSize) await flush();
    if (process.env.FAIL_ON_PURPOSE === '1' && written >= 400) {
      await log('error', `The shop refused the password ${process.env.SHOP_PASSWORD ?? '(none)'}.`);
      throw new Error('Failing on purpose, as the form asked for.');
    }
  }
  await flush();
  await log('success', `${written} products written.`, { products: written });
}

await main();
