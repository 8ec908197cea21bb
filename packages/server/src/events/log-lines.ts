import { type LogLevel, logSeverities } from '@slipway/contract';

/** One stored line, as the API shows it (3.7.2). */
export interface LogLine {
  /** From 1, without gaps. */
  number: number;
  /** ISO 8601 with milliseconds and a numeric offset. */
  time: string;
  level: LogLevel;
  severity: number;
  source: string;
  message: string;
  context: Record<string, unknown> | null;
}

/** Messages are cut here (product.md 9). */
const longestMessage = 64 * 1024;

/** The JSON text of a line; keys in the contract's order, which the readers of this file rely on. */
export const lineText = (line: LogLine): string =>
  JSON.stringify({
    number: line.number,
    time: line.time,
    level: line.level,
    severity: line.severity,
    source: line.source,
    message: cut(line.message),
    context: line.context,
  });

/** Cuts at a character's border, so that at most `longestMessage` bytes of UTF-8 remain. */
function cut(message: string): string {
  if (message.length * 3 <= longestMessage || Buffer.byteLength(message) <= longestMessage) return message;
  const { written, read } = new TextEncoder().encodeInto(message, new Uint8Array(longestMessage));
  return written === 0 ? '' : message.slice(0, read);
}

const head = /^\{"number":(\d+),"time":"[^"]*","level":"[a-z]+","severity":(\d),"source":"([^"]*)"/;

/** What a filter looks at, without parsing the rest of the line. */
export function readHead(text: string): { number: number; severity: number; source: string } {
  const match = head.exec(text);
  if (!match) throw new Error('A stored log line is damaged.');
  return { number: Number(match[1]), severity: Number(match[2]), source: match[3] as string };
}

/** `level` = that level and above; `sources` = any of them. Absent: no filter. */
export interface LogFilter {
  level?: string | undefined;
  source?: string[] | undefined;
}

/** The greatest severity number a filter lets through. */
export const greatestSeverity = ({ level }: LogFilter): number =>
  level === undefined ? 7 : logSeverities[level as LogLevel];

export const passes = (filter: LogFilter, line: { severity: number; source: string }): boolean =>
  line.severity <= greatestSeverity(filter) && (filter.source?.includes(line.source) ?? true);

/** `{"<source>": {"<severity>": lines}}` */
export type LineCounts = Record<string, Record<string, number>>;

export function countLine(counts: LineCounts, { source, severity }: LogLine): void {
  counts[source] ??= {};
  const levels = counts[source];
  levels[severity] = (levels[severity] ?? 0) + 1;
}

/** A time with milliseconds in a zone: `2026-05-11T14:12:31.482+02:00`. */
export function lineTime(time: Date, timeZone: string): string {
  const offset = offsetMinutes(time, timeZone);
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
}

/** Offsets change on quarters of an hour at most, and formatting is slow: the last answer of each zone is kept. */
const offsets = new Map<string, { quarter: number; minutes: number }>();

function offsetMinutes(time: Date, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const quarter = Math.floor(time.getTime() / 900_000);
  const known = offsets.get(timeZone);
  if (known?.quarter === quarter) return known.minutes;
  const name = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(time)
    .find((part) => part.type === 'timeZoneName')?.value;
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name ?? '');
  const minutes = match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) : 0;
  offsets.set(timeZone, { quarter, minutes });
  return minutes;
}
