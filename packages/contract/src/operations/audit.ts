import { operation } from '../operation.ts';
import { AuditEvent } from '../representations/audit-event.ts';
import { messages } from '../texts.ts';

export const auditEventList = operation({
  id: 'audit_event_list',
  method: 'GET',
  path: '/audit-events',
  chapter: '5.17 Audit',
  tag: 'ours',
  summary: 'List what was changed, by whom',
  access: 'admin',
  scope: 'admin',
  query: {
    actor: { kind: 'uuid' },
    connector: { kind: 'uuid' },
    action: { kind: 'text', description: 'the id of an operation, or system.<verb>' },
    'entity-type': { kind: 'text' },
    'entity-id': { kind: 'text' },
    since: { kind: 'time', description: 'not before this ISO 8601 time' },
    until: { kind: 'time', description: 'before this ISO 8601 time' },
  },
  success: {
    envelope: 'list',
    resource: 'audit-event',
    data: AuditEvent,
    streams: ['application/x-ndjson'],
  },
  refusals: [
    {
      status: 400,
      body: { message: messages.badRequest, errors: { since: 'This value is not a valid time.' } },
    },
  ],
});
