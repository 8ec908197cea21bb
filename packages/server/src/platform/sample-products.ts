import { stat } from 'node:fs/promises';
import type { OutputDescription } from '@slipway/records';

/** Rows that come with the product: what a dev site begins with when its connector reads rows. */
const file = new URL('./sample-products.ndjson', import.meta.url);

const rows = 20;
const columns = ['id', 'title', 'description', 'price', 'currency', 'stock', 'brand', 'category', 'link'];

/** The rows as a source contributes them. */
export async function sampleOutput(): Promise<OutputDescription> {
  const { size } = await stat(file);
  return { files: [file.pathname], columns, rows, bytes: size, longestLine: size };
}

/** The `file` of the source (6.1), without the time of its upload. */
export async function describeSample() {
  const { size } = await stat(file);
  return { name: 'sample-products.ndjson', format: 'ndjson', 'size-bytes': size, rows } as const;
}
