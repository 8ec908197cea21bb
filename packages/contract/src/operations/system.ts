import Type from 'typebox';
import { operation } from '../operation.ts';
import { oneOf } from '../representations/common.ts';
import { ContainerApiVersion, QueueEntry, queueKinds, System } from '../representations/system.ts';
import { messages } from '../texts.ts';

const chapter = '5.18 System';

export const healthLive = operation({
  id: 'health_live',
  method: 'GET',
  path: '/health/live',
  chapter,
  tag: 'ours',
  summary: 'Is the process alive?',
  access: 'public',
  scope: null,
  success: { envelope: 'message', message: 'alive' },
});

const Part = oneOf(['ok', 'failed']);

export const healthReady = operation({
  id: 'health_ready',
  method: 'GET',
  path: '/health/ready',
  chapter,
  tag: 'ours',
  summary: 'Can the server do its work?',
  access: 'public',
  scope: null,
  success: {
    envelope: 'bare',
    message: 'ready',
    data: Type.Object({ database: Part, storage: Part, queue: Part, engine: Part }),
  },
});

export const openapi = operation({
  id: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  chapter,
  tag: 'ours',
  summary: 'This document',
  access: 'public',
  scope: null,
  success: { envelope: 'raw', contentType: 'application/json; charset=utf-8' },
});

export const docs = operation({
  id: 'docs',
  method: 'GET',
  path: '/docs',
  chapter,
  tag: 'ours',
  summary: 'The reference, to be read in a browser',
  access: 'public',
  scope: null,
  success: { envelope: 'raw', contentType: 'text/html; charset=utf-8' },
});

export const metrics = operation({
  id: 'metrics',
  method: 'GET',
  path: '/metrics',
  chapter,
  tag: 'ours',
  summary: 'Measurements, in the format of Prometheus',
  access: 'admin',
  scope: 'admin',
  metricsToken: true,
  success: { envelope: 'raw', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
});

export const systemShow = operation({
  id: 'system_show',
  method: 'GET',
  path: '/system',
  chapter,
  tag: 'ours',
  summary: 'Show the server: settings, storage, database, workers',
  access: 'admin',
  scope: 'admin',
  success: { envelope: 'single', message: messages.list, resource: 'system', data: System },
});

export const queueList = operation({
  id: 'queue_list',
  method: 'GET',
  path: '/queue',
  chapter,
  tag: 'ours',
  summary: 'List what waits or runs',
  access: 'admin',
  scope: 'admin',
  query: { kind: { kind: 'choice', values: queueKinds } },
  success: { envelope: 'list', resource: 'queue-entry', data: QueueEntry },
});

export const demoRemove = operation({
  id: 'demo_remove',
  method: 'DELETE',
  path: '/demo',
  chapter,
  tag: 'ours',
  summary: 'Remove everything the demo workspace made',
  access: 'admin',
  scope: 'admin',
  success: { envelope: 'empty' },
  refusals: [
    { status: 400, body: { message: 'Site is being processed.', errors: [] } },
    { status: 404, body: { message: 'Demo not found.' } },
  ],
});

export const containerApiVersionList = operation({
  id: 'container_api_version_list',
  method: 'GET',
  path: '/container-api/versions',
  chapter,
  tag: 'ours',
  summary: 'List the versions of the Container API',
  access: 'signed-in',
  scope: 'connectors:read',
  success: { envelope: 'list', resource: 'container-api-version', data: ContainerApiVersion },
});

export const containerApiOpenapi = operation({
  id: 'container_api_openapi',
  method: 'GET',
  path: '/container-api/openapi.json',
  chapter,
  tag: 'ours',
  summary: 'The document of the Container API',
  access: 'public',
  scope: null,
  query: { version: { kind: 'text', description: 'of the Container API; default: the newest' } },
  success: { envelope: 'raw', contentType: 'application/json; charset=utf-8' },
  refusals: [{ status: 404, body: { message: 'Container API version not found.' } }],
});
