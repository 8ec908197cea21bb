import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { assignToDevSite } from './assign.ts';
import { createPlatformSite } from './create-platform-site.ts';
import { syncRuntime, updateRuntimeDev, updateRuntimeProd } from './runtime.ts';
import { syncDev } from './sync-dev.ts';
import { updateDevReference } from './update-dev-reference.ts';

export const deploymentRoutes: readonly Route[] = [
  route(operations.connectorSyncRuntime, syncRuntime),
  route(operations.connectorUpdateRuntimeProd, updateRuntimeProd),
  route(operations.connectorUpdateRuntimeDev, updateRuntimeDev),
  route(operations.connectorCreatePlatformSite, createPlatformSite),
  route(operations.connectorSyncDev, syncDev),
  route(operations.connectorAssignToDevSite, assignToDevSite),
  route(operations.connectorUpdateDevReference, updateDevReference),
];
