import type { BackgroundAction } from '@slipway/contract';
import { buildKind } from '../builds/build-action.ts';
import { platformSiteKind } from '../deployments/platform-site-action.ts';
import { syncDevKind } from '../deployments/sync-dev-action.ts';
import { syncProdKind } from '../production/sync-prod-action.ts';
import type { ActionKind } from './action.ts';

/** The background operations that workers perform. Others are done within their request. */
export const kinds: Partial<Record<BackgroundAction, ActionKind>> = {
  build: buildKind,
  create_platform_site: platformSiteKind,
  synchronize_to_dev: syncDevKind,
  synchronize_to_prod: syncProdKind,
};
