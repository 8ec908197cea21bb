import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { updateApplicationConfig } from './application-config.ts';
import { assignChannels } from './assign-channels.ts';
import { createBucketLink, removeBucketLink } from './bucket-links.ts';
import { updateContainerApi } from './container-api-choice.ts';
import { createVersion } from './create-version.ts';
import { deleteVersion } from './delete-version.ts';
import { diffVersions } from './diff-versions.ts';
import {
  showExecutionConfig,
  updateContainerApiConfig,
  updateExecutionLimits,
  updateFeatureFlags,
} from './execution-config.ts';
import {
  addIndividualConfig,
  listIndividualConfigs,
  removeIndividualConfig,
  reorderIndividualConfigs,
  updateIndividualConfig,
} from './individual-configs.ts';
import { listVersions } from './list-versions.ts';
import { removeLogo, showLogo, uploadLogo } from './logo.ts';
import {
  showAuthentications,
  updateAuthenticationRegistrations,
  updateSecretRegistrations,
} from './registrations.ts';
import { resolveVersion } from './resolver.ts';
import { showVersion } from './show-version.ts';
import { updateDataServiceConfig, updateDatasourceConfig, updateExportConfig } from './type-configs.ts';
import { updateVersion } from './update-version.ts';
import { renewDeployKey, showVcsConfig, updateVcsConfig, validateVcsConfig } from './vcs-config.ts';

export const versionRoutes = [
  route(operations.connectorVersionList, listVersions),
  route(operations.connectorVersionCreate, createVersion),
  route(operations.connectorVersionUpdate, updateVersion),
  route(operations.connectorVersionDelete, deleteVersion),
  route(operations.connectorVersionDiff, diffVersions),
  route(operations.connectorVersionUploadLogo, uploadLogo),
  route(operations.connectorVersionRemoveLogo, removeLogo),
  route(operations.logoShow, showLogo),
  route(operations.connectorUpdateDatasourceConfig, updateDatasourceConfig),
  route(operations.connectorUpdateExportConfig, updateExportConfig),
  route(operations.connectorUpdateDataServiceConfig, updateDataServiceConfig),
  route(operations.connectorShowExecutionConfig, showExecutionConfig),
  route(operations.connectorVersionExecutionConfigUpdateContainerApi, updateContainerApi),
  route(operations.connectorUpdateExecutionLimits, updateExecutionLimits),
  route(operations.connectorUpdateFeatureFlags, updateFeatureFlags),
  route(operations.connectorUpdateContainerApiConfig, updateContainerApiConfig),
  route(operations.connectorBucketCreateLink, createBucketLink),
  route(operations.connectorBucketRemoveLink, removeBucketLink),
  route(operations.connectorVersionShow, showVersion),
  route(operations.connectorVersionShowAuthentication, showAuthentications),
  route(operations.connectorShowVcsConfig, showVcsConfig),
  route(operations.connectorUpdateVcsConfig, updateVcsConfig),
  route(operations.connectorRenewDeployKey, renewDeployKey),
  route(operations.connectorValidateVcsConfig, validateVcsConfig),
  route(operations.connectorUpdateApplicationConfig, updateApplicationConfig),
  route(operations.connectorUpdateSecretRegistrations, updateSecretRegistrations),
  route(operations.connectorUpdateAuthenticationRegistrations, updateAuthenticationRegistrations),
  route(operations.connectorIndividualConfigList, listIndividualConfigs),
  route(operations.connectorIndividualConfigAdd, addIndividualConfig),
  route(operations.connectorIndividualConfigUpdate, updateIndividualConfig),
  route(operations.connectorIndividualConfigRemove, removeIndividualConfig),
  route(operations.connectorIndividualConfigReorder, reorderIndividualConfigs),
  route(operations.connectorPlatformAssignChannel, assignChannels),
];

export const versionResolvers = { version: resolveVersion };
