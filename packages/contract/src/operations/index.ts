import type { Operation } from '../operation.ts';
import * as connectors from './connectors.ts';
import * as system from './system.ts';
import * as versions from './versions.ts';

/** Every declared operation by name, chapter by chapter. */
export const operations = { ...connectors, ...versions, ...system } as const;

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'access' in value && 'method' in value;

/** The declarations alone: chapters also export schemas that several operations share. */
export const allOperations: readonly Operation[] = (Object.values(operations) as unknown[]).filter(
  isOperation,
);
