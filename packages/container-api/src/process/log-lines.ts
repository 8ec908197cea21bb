import type { Readable } from 'node:stream';
import { toLogLevel } from '../log/levels.ts';
import { LOG_SOURCES, type LogSource, type NewLogEntry, type RunLog } from '../log/run-log.ts';

/** Says that no more lines come. */
const END_OF_LINES = '{"event":"end"}';

/**
 * Takes log entries of whoever started the sidecar, one JSON object a line: what the connector printed, and what the
 * engine has to say. They share the numbers and the masking of the run's log. A line that is no entry is logged as text of
 * the engine: nothing is lost in silence.
 *
 * @returns when the input is over, or a line has said so: the input of a container stays open
 */
export async function takeLogLines(input: Readable, log: RunLog): Promise<void> {
  input.setEncoding('utf8');
  let rest = '';
  for await (const text of input as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === END_OF_LINES) return;
      if (line !== '') await log.write(toEntry(line));
    }
  }
  if (rest !== '') await log.write(toEntry(rest));
}

function toEntry(line: string): NewLogEntry {
  const { level, source, message, context } = parse(line);
  const known = typeof level === 'string' ? toLogLevel(level) : null;
  if (known === null || typeof message !== 'string' || !LOG_SOURCES.includes(source as LogSource)) {
    return { level: 'info', source: 'engine', message: line };
  }
  const isObject = typeof context === 'object' && context !== null && !Array.isArray(context);
  return {
    level: known,
    source: source as LogSource,
    message,
    ...(isObject ? { context: context as Record<string, unknown> } : {}),
  };
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
