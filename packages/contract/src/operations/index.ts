import type { Operation } from '../operation.ts';
import * as audit from './audit.ts';
import * as authentications from './authentications.ts';
import * as buckets from './buckets.ts';
import * as builds from './builds.ts';
import * as channels from './channels.ts';
import * as connectors from './connectors.ts';
import * as deployments from './deployments.ts';
import * as execution from './execution.ts';
import * as identity from './identity.ts';
import * as memberships from './memberships.ts';
import * as siteMessages from './messages.ts';
import * as metadata from './metadata.ts';
import * as oauthClients from './oauth-clients.ts';
import * as organizations from './organizations.ts';
import * as platform from './platform.ts';
import * as production from './production.ts';
import * as runs from './runs.ts';
import * as secrets from './secrets.ts';
import * as signIns from './sign-ins.ts';
import * as states from './states.ts';
import * as structure from './structure.ts';
import * as system from './system.ts';
import * as typeConfigs from './type-configs.ts';
import * as versionManagement from './version-management.ts';
import * as versions from './versions.ts';
import * as webhooks from './webhooks.ts';

/** Every declared operation by name, chapter by chapter. */
export const operations = {
  ...connectors,
  ...versionManagement,
  ...versions,
  ...typeConfigs,
  ...execution,
  ...buckets,
  ...builds,
  ...deployments,
  ...production,
  ...states,
  ...runs,
  ...organizations,
  ...metadata,
  ...identity,
  ...signIns,
  ...oauthClients,
  ...secrets,
  ...authentications,
  ...webhooks,
  ...audit,
  ...system,
  ...platform,
  ...structure,
  ...memberships,
  ...siteMessages,
  ...channels,
} as const;

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'access' in value && 'method' in value;

/** The declarations alone: chapters also export schemas that several operations share. */
export const allOperations: readonly Operation[] = (Object.values(operations) as unknown[]).filter(
  isOperation,
);
