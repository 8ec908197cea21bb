import { bucketResolvers, bucketRoutes } from './buckets/routes.ts';
import { buildResolvers, buildRoutes } from './builds/routes.ts';
import { connectorResolvers, connectorRoutes } from './connectors/routes.ts';
import { demoRoutes } from './demo/routes.ts';
import { deploymentRoutes } from './deployments/routes.ts';
import { auditRoutes } from './events/routes.ts';
import type { Route } from './http/route.ts';
import type { Resolvers } from './http/subjects.ts';
import { identityResolvers, identityRoutes } from './identity/routes.ts';
import { stateResolvers, stateRoutes } from './operations/routes.ts';
import { organizationResolvers, organizationRoutes } from './organizations/routes.ts';
import { platformResolvers, platformRoutes } from './platform/routes.ts';
import { productionRoutes } from './production/routes.ts';
import { runResolvers, runRoutes } from './runs/routes.ts';
import { secretResolvers, secretRoutes } from './secrets/routes.ts';
import { systemRoutes } from './system/routes.ts';
import { versionResolvers, versionRoutes } from './versions/routes.ts';
import { webhookResolvers, webhookRoutes } from './webhooks/routes.ts';

/** Everything the API can do, domain by domain. */
export const routes: readonly Route[] = [
  ...connectorRoutes,
  ...versionRoutes,
  ...bucketRoutes,
  ...buildRoutes,
  ...deploymentRoutes,
  ...productionRoutes,
  ...stateRoutes,
  ...runRoutes,
  ...organizationRoutes,
  ...identityRoutes,
  ...secretRoutes,
  ...webhookRoutes,
  ...auditRoutes,
  ...platformRoutes,
  ...systemRoutes,
  ...demoRoutes,
];

/** How the entities in paths are found. */
export const resolvers: Resolvers = {
  ...connectorResolvers,
  ...versionResolvers,
  ...bucketResolvers,
  ...buildResolvers,
  ...stateResolvers,
  ...runResolvers,
  ...organizationResolvers,
  ...identityResolvers,
  ...secretResolvers,
  ...webhookResolvers,
  ...platformResolvers,
};
