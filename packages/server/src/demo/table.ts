/**
 * Rows as a table for a terminal: columns as wide as their longest value, cut so that a line fits.
 *
 * @param width characters of a line
 */
export function table(
  rows: readonly Record<string, string>[],
  columns: readonly string[],
  width: number,
): string {
  const most = Math.max(8, Math.floor((width - 2) / columns.length) - 3);
  const cut = (text: string, length: number): string =>
    [...text].length > length ? `${[...text].slice(0, length - 1).join('')}…` : text;
  // Short columns leave their room to long ones.
  const natural = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  const spare = natural.reduce((sum, length) => sum + Math.max(0, most - length), 0);
  const greedy = natural.filter((length) => length > most).length;
  const widths = natural.map((length) =>
    Math.min(length, most + (length > most ? Math.floor(spare / greedy) : 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => {
        const shown = cut(cell, widths[index] as number);
        return shown + ' '.repeat((widths[index] as number) - [...shown].length);
      })
      .join(' │ ')
      .trimEnd();
  return [
    line(columns),
    widths.map((length) => '─'.repeat(length)).join('─┼─'),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ''))),
  ].join('\n');
}
