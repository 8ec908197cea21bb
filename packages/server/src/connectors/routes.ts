import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { moveToBin, restoreFromBin } from './bin.ts';
import { createConnector } from './create-connector.ts';
import { deleteConnector } from './delete-connector.ts';
import { importConnector } from './import-connector.ts';
import { listBin, listConnectors } from './list-connectors.ts';
import { addMetadata, showMetadata, updateMetadata } from './metadata.ts';
import { resolveAnyConnector, resolveBinnedConnector, resolveConnector } from './resolver.ts';
import { showConnector } from './show-connector.ts';
import { transferOwnership } from './transfer-ownership.ts';
import { updateConnector } from './update-connector.ts';
import { updateMainVersion } from './update-main-version.ts';

export const connectorRoutes = [
  route(operations.connectorList, listConnectors),
  route(operations.connectorCreate, createConnector),
  route(operations.connectorImport, importConnector),
  route(operations.connectorListFromBin, listBin),
  route(operations.connectorShow, showConnector),
  route(operations.connectorUpdate, updateConnector),
  route(operations.connectorDelete, deleteConnector),
  route(operations.connectorTransferOwnership, transferOwnership),
  route(operations.connectorUpdateMainVersion, updateMainVersion),
  route(operations.addMetadataToConnector, addMetadata),
  route(operations.updateMetadataForConnector, updateMetadata),
  route(operations.showMetadataForConnector, showMetadata),
  route(operations.connectorMoveToBin, moveToBin),
  route(operations.connectorRestoreFromBin, restoreFromBin),
];

export const connectorResolvers = {
  connector: resolveConnector,
  'binned-connector': resolveBinnedConnector,
  'any-connector': resolveAnyConnector,
};
