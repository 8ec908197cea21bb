import type { Operation } from '../http/operation.ts';
import { bucketOperations } from './buckets.ts';
import { eventLogOperations } from './event-log.ts';
import { informationOperations } from './information.ts';
import { inputOperations } from './input.ts';
import { logOperations } from './logs.ts';
import { notificationOperations } from './notifications.ts';
import { outputOperations } from './output.ts';
import { processOperations } from './processes.ts';
import { stateOperations } from './state.ts';
import { storeOperations } from './stores.ts';

/** All endpoints (container-api.md 4). */
export const operations: readonly Operation[] = [
  ...informationOperations,
  ...inputOperations,
  ...outputOperations,
  ...logOperations,
  ...notificationOperations,
  ...eventLogOperations,
  ...stateOperations,
  ...processOperations,
  ...storeOperations,
  ...bucketOperations,
];
