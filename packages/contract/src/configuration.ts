import Type from 'typebox';
import { datasourceCategories, serviceStages, serviceTypes } from './enums.ts';
import {
  body,
  boolean,
  choice,
  integer,
  list,
  nullableInteger,
  nullableText,
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
    Type.Union([
      body({ command: requiredText(), arguments: optional(nullableText({ max: 4000 })) }),
      Type.Null(),
    ]),
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
  'max-usage': optional(nullableInteger({ minimum: 1, texts: { range: texts.positive } })),
  'service-category': optional(nullableText({ max: 100 })),
  datasource: optional(nullableInteger({ minimum: 1, texts: { range: texts.positive } })),
});

export const FeatureFlagsBody = body({
  'feature-flags': list(text({ pattern: /^[a-z0-9][a-z0-9-]{0,63}$/, texts: { any: texts.invalid } }), {
    max: 50,
  }),
});

export const ContainerApiConfigBody = body({
  'batch-size-max': optional(integer({ minimum: 1, maximum: 999 })),
  separator: optional(text({ min: 1, max: 10, verbatim: true, texts: { any: texts.invalid } })),
  'show-hidden': optional(boolean()),
});
