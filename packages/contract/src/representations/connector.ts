import Type from 'typebox';
import {
  authenticationSelect,
  connectorTypes,
  executionModes,
  fieldTypes,
  flows,
  runtimeEnvironments,
  serviceStages,
  serviceTypes,
  updateSteps,
  vcsAuthorizations,
  versionStates,
} from '../enums.ts';
import { Integers, nullable, oneOf, Time, Uuid } from './common.ts';

const SecretRegistration = Type.Object({
  ini_header: Type.String(),
  vault_secret: Type.String(),
  fields: Type.Array(Type.String()),
});

const ApplicationConfig = Type.Object({
  command: Type.String(),
  arguments: nullable(Type.String()),
  'health-check': nullable(Type.String()),
});

const vcsProperties = {
  authorization: oneOf(vcsAuthorizations),
  url: Type.String(),
  branch: Type.String(),
  username: nullable(Type.String()),
  'deploy-key-public': nullable(Type.String()),
  'latest-commit': nullable(Type.String()),
};
const Vcs = Type.Object(vcsProperties);
export const VcsConfig = Type.Object({ ...vcsProperties, directory: nullable(Type.String()) });

export const IndividualConfig = Type.Object({
  'command-option': Type.String(),
  'field-type': oneOf([...fieldTypes, authenticationSelect]),
  'field-name': Type.String(),
  'field-required': Type.Boolean(),
  'field-placeholder': nullable(Type.String()),
  'field-description': nullable(Type.String()),
  'field-default-value': nullable(Type.String()),
  'field-config': nullable(Type.String()),
  order: Type.Integer(),
  'created-at': Time,
  'updated-at': Time,
});

const executionProperties = {
  'execution-mode': oneOf(executionModes),
  'container-api-image': Type.String(),
  'docker-host': nullable(Type.String()),
  'container-api': Type.Object({ image: nullable(Type.String()), 'version-constraint': Type.String() }),
};
const Execution = Type.Object(executionProperties);

const Config = Type.Object({
  'update-progress': Type.Array(oneOf(updateSteps)),
  'secret-registrations': Type.Array(SecretRegistration),
  'authentication-registrations': Integers,
  'authentication-registrations-additional-fields': Type.Array(Type.String()),
  application: nullable(ApplicationConfig),
  vcs: nullable(Vcs),
  docker: Type.Object({
    'image-name': nullable(Type.String()),
    'image-tag': nullable(Type.String()),
    'registry-url': nullable(Type.String()),
  }),
  individuals: Type.Array(IndividualConfig),
  migration: nullable(Type.Object({ 'legacy-executable': Type.Integer() })),
  execution: Execution,
  export: nullable(
    Type.Object({
      channels: Integers,
      'channel-config': Type.Array(Type.Object({})),
      'feedback-file-enabled': Type.Boolean(),
      'feedback-file-source-connection-column': nullable(Type.String()),
      'feedback-file-target-connection-column': nullable(Type.String()),
      'feedback-application-config': nullable(
        Type.Object({ command: Type.String(), arguments: nullable(Type.String()) }),
      ),
    }),
  ),
  'data-service': nullable(
    Type.Object({
      'column-prefix': nullable(Type.String()),
      'service-type': nullable(oneOf(serviceTypes)),
      stages: Type.Array(oneOf(serviceStages)),
      'max-usage': nullable(Type.Integer()),
      'service-category': nullable(Type.String()),
      datasource: nullable(Type.Integer()),
    }),
  ),
  datasource: nullable(Type.Object({ categories: Type.Array(Type.String()) })),
  buckets: Type.Array(
    Type.Object({ 'bucket-id': Uuid, type: Type.Literal('free'), environment: oneOf(['dev', 'prod']) }),
  ),
  'feature-flags': Type.Array(Type.String()),
  'container-api-config': nullable(
    Type.Object({
      'batch-size-max': Type.Optional(Type.Integer()),
      separator: Type.Optional(Type.String()),
      'show-hidden': Type.Optional(Type.Boolean()),
    }),
  ),
});

const Runtime = Type.Object({ environment: oneOf(runtimeEnvironments), version: nullable(Type.String()) });

const DevReference = Type.Object({
  account: nullable(Type.Integer()),
  project: nullable(Type.Integer()),
  executable: nullable(Type.Integer()),
  'platform-connector': nullable(Type.Integer()),
  site: nullable(Type.Integer()),
  'site-processing-cluster': nullable(Type.String()),
  'assigned-to-site': nullable(Type.Integer()),
  'assigned-to-channel': nullable(Type.Integer()),
  'assigned-to-channel-site': nullable(Type.Integer()),
  'assigned-to-channel-site-destination': nullable(Type.Integer()),
  runtime: Runtime,
});

const ProdReference = Type.Object({
  executable: nullable(Type.Integer()),
  'platform-connector': nullable(Type.Integer()),
  'target-accounts': Integers,
  'target-projects': Integers,
  'target-sites': Integers,
  'enabled-for-accounts': Integers,
  'enabled-for-projects': Integers,
  'enabled-for-sites': Integers,
  'assigned-to-sites': Integers,
  released: Type.Boolean(),
  version: nullable(Type.String()),
  runtime: Runtime,
});

export const ConnectorVersion = Type.Object({
  name: Type.String(),
  description: nullable(Type.String()),
  readme: nullable(Type.String()),
  version: Type.String(),
  logo: nullable(Type.String()),
  'created-at': Time,
  'updated-at': Time,
  'deleted-at': nullable(Time),
  state: oneOf(versionStates),
  config: Config,
  platform_dev_reference: DevReference,
  platform_prod_reference: ProdReference,
  prod_config: nullable(Config),
  dev_config: nullable(Config),
});

export const Connector = Type.Object({
  id: Uuid,
  type: oneOf(connectorTypes),
  name: Type.String(),
  description: nullable(Type.String()),
  readme: nullable(Type.String()),
  flow: oneOf(flows),
  'main-version-number': nullable(Type.Integer()),
  owner: Uuid,
  integrator: Uuid,
  versions: Type.Array(ConnectorVersion),
  main: nullable(ConnectorVersion),
});
