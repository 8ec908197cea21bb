import type { Context } from '../context.ts';
import type { Actor } from '../identity/actor.ts';
import type { Services } from '../services.ts';

export const systemActor: Actor = {
  kind: 'system',
  id: '00000000-0000-0000-0000-000000000000',
  name: null,
  role: 'admin',
  scopes: new Set(),
  organizations: [],
};

/** The server itself, at work in the background. */
export const systemContext = (services: Services): Context => ({
  actor: systemActor,
  db: services.db,
  services,
  requestId: null,
  ip: null,
});
