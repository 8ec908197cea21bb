/** Levels of log entries and their severities (container-api.md 2.7). */
export const SEVERITIES = {
  emergency: 0,
  alert: 1,
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
  success: 6,
  report: 6,
} as const;

export type LogLevel = keyof typeof SEVERITIES;

/** The level that a word names, in any case; null when none does. */
export function toLogLevel(word: string): LogLevel | null {
  const level = word.toLowerCase();
  return Object.hasOwn(SEVERITIES, level) ? (level as LogLevel) : null;
}
