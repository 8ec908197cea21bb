import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { cancelBuild, listBuildLogs, listBuilds, showBuild, streamBuildLogs } from './builds.ts';
import { resolveBuild } from './subject.ts';
import { triggerBuild } from './trigger-build.ts';

export const buildRoutes: readonly Route[] = [
  route(operations.connectorBuildTrigger, triggerBuild),
  route(operations.buildList, listBuilds),
  route(operations.buildShow, showBuild),
  route(operations.buildLogs, listBuildLogs, streamBuildLogs),
  route(operations.buildCancel, cancelBuild),
];

export const buildResolvers = { build: resolveBuild };
