import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { updateApplicationConfig } from './application-config.ts';
import { assignChannels } from './assign-channels.ts';
import {
  addIndividualConfig,
  listIndividualConfigs,
  removeIndividualConfig,
  reorderIndividualConfigs,
  updateIndividualConfig,
} from './individual-configs.ts';
import {
  showAuthentications,
  updateAuthenticationRegistrations,
  updateSecretRegistrations,
} from './registrations.ts';
import { resolveVersion } from './resolver.ts';
import { showVersion } from './show-version.ts';
import { renewDeployKey, showVcsConfig, updateVcsConfig, validateVcsConfig } from './vcs-config.ts';

export const versionRoutes = [
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
