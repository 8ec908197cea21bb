import { stat } from 'node:fs/promises';

/** Rows that come with the product: what a dev site begins with when its connector reads rows. */
const file = new URL('./sample-products.ndjson', import.meta.url);

export const sampleRows = 20;

export const sampleColumns: readonly string[] = [
  'id',
  'title',
  'description',
  'price',
  'currency',
  'stock',
  'brand',
  'category',
  'link',
];

/** Its path, one flat JSON object a line. */
export const samplePath = file.pathname;

/** The `file` of the source (6.1), without the time of its upload. */
export async function describeSample(): Promise<{
  name: string;
  format: 'ndjson';
  'size-bytes': number;
  rows: number;
}> {
  const { size } = await stat(file);
  return { name: 'sample-products.ndjson', format: 'ndjson', 'size-bytes': size, rows: sampleRows };
}
