import { datasourceCategories, networkPolicies, serviceStages, serviceTypes } from './enums.ts';
import {
  body,
  boolean,
  choice,
  integer,
  list,
  nullableBody,
  nullablePositiveInteger,
  nullableText,
  number,
  optional,
  requiredText,
  text,
} from './fields.ts';
import { texts } from './texts.ts';

/**
 * Parts of a version's configuration that only one kind of connector has, or that stand alone: what may be set, in
 * the words of chapters 5.5 and 5.6.
 */

export const DatasourceConfigBody = body({
  categories: list(choice(datasourceCategories), {
    min: 1,
    texts: { blank: texts.blank, item: texts.choice },
  }),
});

export const ExportConfigBody = body({
  'feedback-file-enabled': boolean(),
  'feedback-file-source-connection-column': optional(nullableText()),
  'feedback-file-target-connection-column': optional(nullableText()),
  'feedback-application-config': optional(
    nullableBody({ command: requiredText(), arguments: optional(nullableText({ max: 4000 })) }),
  ),
});

export const DataServiceConfigBody = body({
  'service-type': optional(choice(serviceTypes)),
  stages: list(choice(serviceStages), { min: 1, texts: { blank: texts.blank, item: texts.choice } }),
  'column-prefix': optional(
    nullableText({
      max: 64,
      pattern: /^___[A-Za-z]+$/,
      texts: {
        pattern: 'This value should start with three underscores and otherwise contain only letters.',
      },
    }),
  ),
  'max-usage': optional(nullablePositiveInteger()),
  'service-category': optional(nullableText({ max: 100 })),
  datasource: optional(nullablePositiveInteger()),
});

export const FeatureFlagsBody = body({
  'feature-flags': list(text({ pattern: /^[a-z0-9][a-z0-9-]{0,63}$/, texts: { any: texts.invalid } }), {
    max: 50,
    texts: { blank: texts.type('array') },
  }),
});

export const ContainerApiConfigBody = body({
  'batch-size-max': optional(integer({ minimum: 1, maximum: 999 })),
  separator: optional(text({ min: 1, max: 10, verbatim: true, texts: { any: texts.invalid } })),
  'show-hidden': optional(boolean()),
});

/** The most a version may ask of one run. */
export interface GreatestLimits {
  memoryMb: number;
  cpus: number;
  timeoutSeconds: number;
}

/** The greatest limits of a server whose operator changed none. */
export const usualGreatestLimits: GreatestLimits = { memoryMb: 8192, cpus: 4, timeoutSeconds: 21_600 };

/** Limits of a run; their texts name the server's own maximum. */
export const executionLimitsBody = (greatest: GreatestLimits) =>
  body({
    'memory-mb': optional(integer({ minimum: 64, maximum: greatest.memoryMb })),
    cpus: optional(number({ minimum: 0.1, maximum: greatest.cpus })),
    'timeout-seconds': optional(integer({ minimum: 10, maximum: greatest.timeoutSeconds })),
    network: optional(choice(networkPolicies)),
    'allow-list': optional(list(text({ pattern: hostPattern, texts: { any: texts.invalid } }))),
  });

/** `host` or `host:port`; an IPv6 address stands in brackets. */
const hostPattern =
  /^(?:(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*|\[[0-9A-Fa-f:.]{2,45}\])(?::(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]))?$/;
