/**
 * Example data service: gives every row a short label, such as `Millbrook · Plate · off-white`. A data service writes all rows
 * back: one that it leaves out is gone from the stage.
 */
import { type Row, run } from '@slipway/connector-sdk';

/** Columns that labels are made of, unless the form names others. */
const PARTS = ['brand', 'category-1', 'attributes-colour'];

await run(async ({ input, output, settings, log }) => {
  const chosen = settings.list('label-columns');
  const columns = chosen.length > 0 ? chosen : PARTS;
  const longest = settings.number('label-length', 60);
  let empty = 0;
  for await (const row of input) {
    const text = label(row, columns, longest);
    if (text === '') empty += 1;
    await output.write({ ...row, text });
  }
  if (empty > 0) log.warning(`${empty} rows have nothing to make a label of.`, { columns });
  log.success(`${output.count} rows labelled.`, { rows: output.count });
});

function label(row: Row, columns: readonly string[], longest: number): string {
  const text = columns
    .map((column) => row[column] ?? '')
    .filter((part) => part !== '')
    .join(' · ');
  return [...text].slice(0, longest).join('');
}
