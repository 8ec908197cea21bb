import Type from 'typebox';
import { buildSteps, logLevels } from '../enums.ts';
import { nullable, oneOf } from './common.ts';

/** One line of a log (3.7.2), of a source that the log's kind names. */
const logLine = <const S extends readonly string[]>(sources: S) =>
  Type.Object({
    number: Type.Integer({ minimum: 1 }),
    time: Type.String({ format: 'date-time', examples: ['2026-05-11T14:12:31.482+02:00'] }),
    level: oneOf(logLevels),
    severity: Type.Integer({ minimum: 0, maximum: 7 }),
    source: oneOf(sources),
    message: Type.String(),
    context: nullable(Type.Object({}, { additionalProperties: true })),
  });

/** Where a line of a background operation or build can come from: its steps, or the engine. */
export const stateLogSources = [
  ...buildSteps,
  'project',
  'site',
  'runtime',
  'connector',
  'assign',
  'targets',
  'switch-legacy',
  'activate',
  'switch-back',
  'engine',
] as const;

export const StateLogLine = logLine(stateLogSources);
