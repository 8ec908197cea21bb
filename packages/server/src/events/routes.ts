import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { listAuditEvents, streamAuditEvents } from './list-audit-events.ts';

export const auditRoutes: Route[] = [route(operations.auditEventList, listAuditEvents, streamAuditEvents)];
