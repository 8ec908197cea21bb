/** A moment with seconds and numeric offset, in UTC: `2026-05-11T10:15:00+00:00`. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}+00:00`;
}

/** The same with milliseconds: `2026-05-11T14:12:31.123+00:00`. */
export function preciseTimestamp(date: Date): string {
  return `${date.toISOString().slice(0, 23)}+00:00`;
}
