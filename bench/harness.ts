/** One thing measured against the least that could do it, in the same run. */
export interface Comparison {
  name: string;
  /** Higher is better (a rate), or lower (a time). */
  unit: string;
  better: 'higher' | 'lower';
  ours: () => Promise<number>;
  bare: () => Promise<number>;
  /** What must hold, for the table's last column. */
  target: Target;
  /** Fewer for what takes long. */
  rounds?: number;
}

export type Target = { kind: 'ratio'; atLeast: number } | { kind: 'difference'; atMost: number };

export interface Result {
  name: string;
  unit: string;
  ours: number;
  bare: number;
  target: string;
  value: string;
  met: boolean;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/**
 * Measures both sides in turn, so that a machine whose speed drifts treats them alike; the median of the rounds'
 * ratios counts.
 */
export async function compare(comparison: Comparison, rounds: number): Promise<Result> {
  const { name, unit, better, target } = comparison;
  // One round warms both sides up and is thrown away.
  await comparison.bare();
  await comparison.ours();
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? [bare, ours] : [ours, bare];
    for (const list of order) list.push(await (list === ours ? comparison.ours() : comparison.bare()));
  }
  const pairs = ours.map((value, index) => [value, bare[index] as number] as const);
  const common = { name, unit, ours: median(ours), bare: median(bare) };
  if (target.kind === 'difference') {
    const difference = median(pairs.map(([a, b]) => a - b));
    return {
      ...common,
      target: `≤ ${target.atMost} ${unit} more`,
      value: `${difference >= 0 ? '+' : ''}${difference.toFixed(0)} ${unit}`,
      met: difference <= target.atMost,
    };
  }
  const ratio = median(pairs.map(([a, b]) => (better === 'higher' ? a / b : b / a)));
  return {
    ...common,
    target: `≥ ${Number(target.atLeast.toFixed(2))}`,
    value: ratio.toFixed(2),
    met: ratio >= target.atLeast,
  };
}

/** A result as the cells of the table; the first one names it. */
export function cellsOf(result: Result): string[] {
  const number = (value: number): string =>
    value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
  return [
    result.name,
    `${number(result.ours)} ${result.unit}`,
    `${number(result.bare)} ${result.unit}`,
    result.value,
    result.target,
    result.met ? 'met' : '**missed**',
  ];
}

/** The rows of {@link markdown} that a text holds. */
export const rowsIn = (text: string): string[][] =>
  [...text.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row]) => (row as string).split(' | ').map((cell) => cell.trim()))
    .filter(([name]) => name !== head[0] && !/^-+$/.test(name as string));

const head = ['what', 'ours', 'bare', 'ratio', 'target', ''];

/** Results as a table in Markdown, which a terminal shows well enough. */
export function markdown(results: readonly string[][]): string {
  const rows = [head, ['---', '---:', '---:', '---:', '---', '---'], ...results];
  const widths = head.map((_cell, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows
    .map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`)
    .join('\n');
}
