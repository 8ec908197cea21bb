import type { MergeSources, SourceCounts } from './merge-sources.ts';
import { relationOf } from './row-source.ts';
import type { Task } from './task.ts';

/** Counts what the ids of the main rows are worth a warning for. A repeated id counts where it is repeated. */
export async function countMainRows(
  task: Task,
  { main, idColumn }: Pick<MergeSources, 'main' | 'idColumn'>,
): Promise<SourceCounts[]> {
  const plain = main.map(({ rows }) => ({ rows: rows.rows, repeated: 0, withoutId: 0, unmatched: 0 }));
  if (main.length === 0 || idColumn === null) return plain;
  const ids = main.map(({ rows }, index) => {
    const { from, cell } = relationOf(rows, 'source');
    return `SELECT ${index} AS source, ${cell(idColumn)} AS id FROM ${from}`;
  });
  const counted = await task.run(`
    WITH filled AS (SELECT id, source, count(*) AS rows FROM (${ids.join(' UNION ALL ')}) WHERE id <> '' GROUP BY ALL)
    SELECT source, sum(rows)::BIGINT, sum(rows)::BIGINT - count(*) FILTER (source = first)
    FROM (SELECT source, rows, min(source) OVER (PARTITION BY id) AS first FROM filled) GROUP BY source`);
  const found = new Map(counted.map(([source, filled, repeated]) => [Number(source), { filled, repeated }]));
  return plain.map((counts, index) => {
    const { filled = 0, repeated = 0 } = found.get(index) ?? {};
    return { ...counts, repeated: Number(repeated), withoutId: counts.rows - Number(filled) };
  });
}
