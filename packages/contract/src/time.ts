const pattern =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-](\d{2}):(\d{2}))$/;

/**
 * Reads an ISO 8601 time with its zone.
 *
 * @returns null for anything else, days that do not exist included (`2026-02-30T…`, which `Date` would move to March)
 */
export function parseTime(text: string): Date | null {
  // A plus that was not encoded arrives in a query as a blank.
  const given = text.replace(/ (\d{2}:\d{2})$/, '+$1');
  const parts = pattern
    .exec(given)
    ?.slice(1)
    .map((part) => Number(part ?? 0));
  if (!parts) return null;
  const [year, month, day, hour, minute, second, offsetHours, offsetMinutes] = parts as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate())
    return null;
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return null;
  return new Date(given);
}
