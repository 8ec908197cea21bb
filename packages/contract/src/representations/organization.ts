import Type from 'typebox';
import { Integers, nullable, oneOf, Uuid } from './common.ts';

/** Where versions made from now on go by default: account and project of the dev site. */
export const DevDefaults = Type.Object({ account: Type.Integer(), project: nullable(Type.Integer()) });

/** The target lists that versions made from now on start with. */
export const ProdDefaults = Type.Object({ accounts: Integers, projects: Integers, sites: Integers });

export const notificationTriggers = ['extensive-release'] as const;

export const Organization = Type.Object({
  uuid: Uuid,
  name: Type.String(),
  'connectors-limit': Type.Integer(),
  members: Type.Array(Type.Object({ uuid: Uuid })),
  'notification-config': nullable(
    Type.Object({ destination: Type.String(), triggers: Type.Array(oneOf(notificationTriggers)) }),
  ),
  'dev-defaults': nullable(DevDefaults),
  'prod-defaults': nullable(ProdDefaults),
});

export const IntegratorDefaults = Type.Object({
  integrator: Uuid,
  'has-owner': Type.Boolean(),
  owner: nullable(Uuid),
  'dev-defaults': nullable(DevDefaults),
  'prod-defaults': nullable(ProdDefaults),
});
