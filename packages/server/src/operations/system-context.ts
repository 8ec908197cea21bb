import type { Context } from '../context.ts';
import type { Services } from '../services.ts';

/** The server itself, at work in the background. */
export const systemContext = (services: Services): Context => ({
  actor: {
    kind: 'system',
    id: '00000000-0000-0000-0000-000000000000',
    name: null,
    role: 'admin',
    scopes: new Set(),
    organizations: [],
  },
  db: services.db,
  services,
  requestId: null,
  ip: null,
});
