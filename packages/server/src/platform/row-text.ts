/** A line of CSV (RFC 4180): quoted where a comma, a quote or a line break stands. */
export const csvLine = (values: readonly string[]): string => `${values.map(csvField).join(',')}\r\n`;

const csvField = (value: string): string =>
  /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
