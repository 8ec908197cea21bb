/** Writes sparse rows to a Container API, and is ready when all of them are acknowledged. */
import { post } from '../sidecar-memory.bench.ts';
import { ready } from './target.ts';

const url = process.env.BENCH_URL as string;
const rows = Number(process.env.BENCH_ROWS);
const columns = Number(process.env.BENCH_COLUMNS);
const batch = 500;

/** Twenty of the columns, and an id. */
function sparseRow(id: number): Record<string, string> {
  const made: Record<string, string> = { id: String(id) };
  for (let place = 0; place < 20; place += 1) {
    const column = (id * 13 + place * place * 31 + place) % (columns - 1);
    made[`attribute_${column}`] = `value ${id % (column + 2)}`;
  }
  return made;
}

for (let start = 0; start < rows; start += batch) {
  const data = Array.from({ length: batch }, (_value, index) => sparseRow(start + index));
  await post(url, 'application/json', [JSON.stringify({ data })]);
}
ready({}, async () => {});
