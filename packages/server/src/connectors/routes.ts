import { operations } from '@slipway/contract';
import { route } from '../http/route.ts';
import { moveToBin, restoreFromBin } from './bin.ts';
import { createConnector } from './create-connector.ts';
import { importConnector } from './import-connector.ts';
import { listBin, listConnectors } from './list-connectors.ts';
import { resolveBinnedConnector, resolveConnector } from './resolver.ts';
import { showConnector } from './show-connector.ts';

export const connectorRoutes = [
  route(operations.connectorList, listConnectors),
  route(operations.connectorCreate, createConnector),
  route(operations.connectorImport, importConnector),
  route(operations.connectorListFromBin, listBin),
  route(operations.connectorShow, showConnector),
  route(operations.connectorMoveToBin, moveToBin),
  route(operations.connectorRestoreFromBin, restoreFromBin),
];

export const connectorResolvers = { connector: resolveConnector, 'binned-connector': resolveBinnedConnector };
