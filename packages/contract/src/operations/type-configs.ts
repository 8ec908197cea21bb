import { DataServiceConfigBody, DatasourceConfigBody, ExportConfigBody } from '../configuration.ts';
import { operation, type Refusal } from '../operation.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';
import { configurationRefusals, wordRules } from './versions.ts';

const chapter = '5.5 Type-specific configuration';
const V = '/connectors/{publicId}/versions/{connectorVersion}';

const wrongType: Refusal = {
  status: 400,
  body: { message: messages.badRequest, errors: { connector: messages.wrongType('upload') } },
};

const own = {
  method: 'PUT',
  chapter,
  tag: 'ours',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
} as const;

export const connectorUpdateDatasourceConfig = operation({
  ...own,
  id: 'connector_update_datasource_config',
  path: `${V}/datasource-configs`,
  summary: 'Set the categories of a data source',
  body: DatasourceConfigBody,
  success: { envelope: 'message', message: 'Datasource config successfully updated.' },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { categories: texts.choice } } },
    wrongType,
    ...configurationRefusals,
  ],
});

/** The command of the feedback must be whole words, like that of the application. */
const feedbackRules: BodyRules = (body) => {
  const given = body['feedback-application-config'];
  if (typeof given !== 'object' || given === null) return {};
  const errors = wordRules('command', 'arguments')(given as Record<string, unknown>);
  return Object.fromEntries(
    Object.entries(errors).map(([key, text]) => [`feedback-application-config.${key}`, text]),
  );
};

export const connectorUpdateExportConfig = operation({
  ...own,
  id: 'connector_update_export_config',
  path: `${V}/export-configs`,
  summary: 'Set the feedback of an export',
  body: ExportConfigBody,
  rules: feedbackRules,
  success: { envelope: 'message', message: 'Export config successfully updated.' },
  refusals: [wrongType, ...configurationRefusals],
});

export const connectorUpdateDataServiceConfig = operation({
  ...own,
  id: 'connector_update_data_service_config',
  path: `${V}/data-service-configs`,
  summary: 'Set where and how a data service is offered',
  body: DataServiceConfigBody,
  success: { envelope: 'message', message: 'Data service config successfully updated.' },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { stages: texts.blank } } },
    wrongType,
    ...configurationRefusals,
  ],
});
