/** The JSON text of a row, in column order. Built by hand: objects would move keys such as "10" to the front. */
export const jsonRow = (columns: readonly string[], values: readonly string[]): string =>
  `{${columns.map((column, index) => `${JSON.stringify(column)}:${JSON.stringify(values[index] ?? '')}`).join(',')}}`;

/** A line of CSV (RFC 4180): quoted where a comma, a quote or a line break stands. */
export const csvLine = (values: readonly string[]): string => `${values.map(csvField).join(',')}\r\n`;

const csvField = (value: string): string =>
  /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
