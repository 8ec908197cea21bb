import Type from 'typebox';
import { operation } from '../operation.ts';
import { oneOf } from '../representations/common.ts';

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
