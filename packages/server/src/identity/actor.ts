import type { Role, Scope } from '@slipway/contract';

/** Who acts. Work of the server itself (recovery, schedules) has the kind `system`. */
export interface Actor {
  kind: 'user' | 'client' | 'system';
  id: string;
  name: string | null;
  role: Role;
  /** The token's scopes that the role may hold. */
  scopes: ReadonlySet<Scope>;
  /** Organizations of the user, the one joined first in front. */
  organizations: readonly string[];
  /** The token, sign-in or client that let it in; absent for work of the server itself. */
  credential?: string;
  /** The sign-in of an access token; absent for a personal token and for a client that acts by itself. */
  signIn?: string;
}

/** Does the actor own what `ownerId` owns, by themselves or through an organization? */
export const owns = (actor: Actor, ownerId: string | null): boolean =>
  ownerId !== null && (ownerId === actor.id || actor.organizations.includes(ownerId));
