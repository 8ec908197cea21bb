import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { disableAccess, enableAccess } from './access.ts';
import { resetMigration, rollbackMigration, setLegacyExecutable } from './migration.ts';
import { moveSites } from './move-sites.ts';
import { release, unrelease } from './release.ts';
import { previewRelease } from './release-preview.ts';
import { listSites } from './sites.ts';
import { syncProd } from './sync-prod.ts';
import { addTargets, updateTargets } from './targets.ts';

export const productionRoutes: readonly Route[] = [
  route(operations.connectorTargetsAdd, addTargets),
  route(operations.connectorTargetsUpdate, updateTargets),
  route(operations.connectorSyncProd, syncProd),
  route(operations.connectorEnableProdAccess, enableAccess),
  route(operations.connectorDisableProdAccess, disableAccess),
  route(operations.connectorRelease, release),
  route(operations.connectorReleasePreview, previewRelease),
  route(operations.connectorUnrelease, unrelease),
  route(operations.connectorSiteList, listSites),
  route(operations.connectorMoveSites, moveSites),
  route(operations.connectorSetLegacyExecutable, setLegacyExecutable),
  route(operations.connectorResetMigration, resetMigration),
  route(operations.connectorRollbackMigration, rollbackMigration),
];
