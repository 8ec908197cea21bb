import type { Operation } from '../operation.ts';
import * as audit from './audit.ts';
import * as authentications from './authentications.ts';
import * as builds from './builds.ts';
import * as connectors from './connectors.ts';
import * as deployments from './deployments.ts';
import * as identity from './identity.ts';
import * as organizations from './organizations.ts';
import * as platform from './platform.ts';
import * as runs from './runs.ts';
import * as secrets from './secrets.ts';
import * as states from './states.ts';
import * as system from './system.ts';
import * as versions from './versions.ts';
import * as webhooks from './webhooks.ts';

/** Every declared operation by name, chapter by chapter. */
export const operations = {
  ...connectors,
  ...versions,
  ...builds,
  ...deployments,
  ...states,
  ...runs,
  ...organizations,
  ...identity,
  ...secrets,
  ...authentications,
  ...webhooks,
  ...audit,
  ...system,
  ...platform,
} as const;

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'access' in value && 'method' in value;

/** The declarations alone: chapters also export schemas that several operations share. */
export const allOperations: readonly Operation[] = (Object.values(operations) as unknown[]).filter(
  isOperation,
);
