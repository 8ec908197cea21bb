import { type ConnectorType, connectorTypes } from '@slipway/contract/enums';
import { body, boolean, choice, integer, list, optional, requiredText, text } from '@slipway/contract/fields';
import { checkBody, type FieldErrors } from '@slipway/contract/validation';
import Type, { type Static } from 'typebox';
import { type InputName, STREAMS } from '../run/streams-of-types.ts';

/*
 * What a sidecar is told about its run: everything of a `RunContext` that can be written down. The server makes one for
 * each run, whether the sidecar is then started in its own process or in another; people write one by hand.
 */

const oneOf = <const T extends readonly string[]>(values: T) =>
  choice(values, { texts: { choice: `This value should be one of ${values.join(', ')}.` } });
const path = () => requiredText({ max: 4096, verbatim: true });
const columnName = () => requiredText({ max: 1000, verbatim: true });
const named = () => body({ id: integer({ minimum: 0 }), name: text({ verbatim: true }) });

const FORMATS = ['ndjson', 'json', 'csv'] as const;
const inputNames = ['input', 'full', 'new', 'modified', 'unchanged', 'deleted'] as const;

/** Rows of a stream: a file, or the rows themselves. */
const source = () =>
  body({
    file: optional(path()),
    format: optional(oneOf(FORMATS)),
    rows: optional(
      Type.Unsafe<Record<string, unknown>[]>({
        type: 'array',
        items: { type: 'object' },
        'x-verbatim': true,
      }),
    ),
  });
const sources = () => body(Object.fromEntries(inputNames.map((name) => [name, optional(source())])));

const schema = body({
  connector: body({
    id: optional(text()),
    name: optional(text({ verbatim: true })),
    type: oneOf(connectorTypes),
  }),
  run: optional(
    body({
      id: optional(text()),
      'process-id': optional(text()),
      version: optional(text()),
      environment: optional(oneOf(['dev', 'prod'])),
      stage: optional(oneOf(['import', 'intermediate', 'export'])),
    }),
  ),
  site: optional(named()),
  project: optional(named()),
  account: optional(named()),
  'container-api-config': optional(
    body({
      'batch-size-max': optional(integer({ minimum: 1, maximum: 999 })),
      separator: optional(requiredText({ max: 10, verbatim: true })),
      'show-hidden': optional(boolean()),
    }),
  ),
  listen: optional(
    body({
      host: optional(requiredText()),
      port: optional(integer({ minimum: 0, maximum: 65_535 })),
      'public-url': optional(requiredText({ max: 2000, pattern: /^http:\/\/[^/?#]+$/ })),
    }),
  ),
  'run-folder': optional(path()),
  'exchange-folder': optional(path()),
  'exchange-path': optional(path()),
  'bucket-folder': optional(path()),
  'transport-folder': optional(path()),
  'state-file': optional(path()),
  inputs: optional(sources()),
  classifications: optional(
    list(
      body({
        'classification-id': integer({ minimum: 0 }),
        'classification-path': text({ max: 10_000, verbatim: true }),
        inputs: optional(sources()),
      }),
      { max: 100_000 },
    ),
  ),
  'column-order': optional(list(columnName(), { max: 20_000 })),
  outputs: optional(body({ output: optional(path()), feedback: optional(path()), log: optional(path()) })),
  secrets: optional(
    body({ file: optional(path()), environment: optional(list(requiredText(), { max: 10_000 })) }),
  ),
  forward: optional(
    body({
      mode: oneOf(['none', 'open', 'allow-list']),
      hosts: optional(list(requiredText({ max: 1000 }), { max: 10_000 })),
    }),
  ),
  limits: optional(
    body({
      'body-mib': optional(integer({ minimum: 1, maximum: 1024 })),
      'log-mib': optional(integer({ minimum: 1, maximum: 1_000_000 })),
      'exchange-mib': optional(integer({ minimum: 1, maximum: 1_000_000_000 })),
      'storage-processes': optional(integer({ minimum: 0, maximum: 64 })),
    }),
  ),
  'log-lines-from-stdin': optional(boolean()),
});

/** A run's configuration as it is written: see `docs/guides/standalone-sidecar.md`. */
export type RunConfig = Static<typeof schema>;
/** Where the rows of a stream come from: exactly one of `file` and `rows`. */
export type InputSource = Static<ReturnType<typeof source>>;

/** A configuration that can not be used; the message lists everything that is wrong, one a line. */
export class RunConfigError extends Error {
  override readonly name = 'RunConfigError';
}

/**
 * Reads a run's configuration.
 *
 * @param content JSON text
 * @param name what messages call it, such as the path of its file
 * @throws {RunConfigError}
 */
export function parseRunConfig(content: string, name: string): RunConfig {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new RunConfigError(`${name} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RunConfigError(`${name} should hold a JSON object.`);
  }
  const checked = checkBody(schema, value, (config) => sourceRules(config as unknown as RunConfig));
  if (checked.ok) return checked.value;
  throw problemsOf(name, checked.errors);
}

/** All wrong fields of a configuration in one message. */
function problemsOf(name: string, errors: FieldErrors): RunConfigError {
  const lines = Object.entries(errors).map(([key, message]) => `  ${key}: ${message}`);
  return new RunConfigError([`${name} can not be used:`, ...lines].join('\n'));
}

/** What no schema says: which streams the type has, and that a stream has one source. */
function sourceRules(config: RunConfig): FieldErrors {
  const errors: FieldErrors = {};
  const type = config.connector?.type;
  const known = connectorTypes.includes(type) ? STREAMS[type].inputs : null;
  const check = (at: string, given: unknown): void => {
    for (const [stream, one] of Object.entries(asObject(given))) {
      const key = `${at}.${stream}`;
      const { file, rows } = asObject(one);
      if ((file === undefined) === (rows === undefined)) {
        errors[key] = 'This value should have either file or rows.';
      }
      if (known && !known.includes(nameOfInput(stream))) {
        errors[key] = `A connector of type ${type} has no such stream.`;
      }
    }
    const both = Object.keys(asObject(given)).filter((name) => nameOfInput(name) === 'input');
    if (both.length > 1) errors[`${at}.full`] = 'This is another name of input; only one can be given.';
  };
  check('inputs', config.inputs);
  const classifications = Array.isArray(config.classifications) ? config.classifications : [];
  classifications.forEach((one, index) => {
    check(`classifications[${index}].inputs`, asObject(one).inputs);
  });
  return errors;
}

/** The stream that a name means: `full` is another name of `input` (container-api.md 3). */
export const nameOfInput = (name: string): InputName => (name === 'full' ? 'input' : (name as InputName));

/** Wrong values are reported by the schema; here they count as having no fields. */
const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** The stage in which connectors of a type run, where it is not said. */
export const stageOf = (type: ConnectorType): 'import' | 'intermediate' | 'export' => {
  if (type === 'export' || type === 'export-delta' || type === 'write' || type === 'upload') return 'export';
  return type === 'data-service' ? 'intermediate' : 'import';
};
