import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { Right } from './right.ts';

/** An entity found by its address, with the caller's right on it. */
export interface Found<T> {
  subject: T;
  right: Right;
  /** How "not found" names it. */
  thing: string;
  /** Locks its rows until the transaction ends, so that nobody changes what `If-Match` is compared with. */
  lock?(db: Work): Promise<unknown>;
}

/**
 * What an operation's path can address, and what its verb then receives. Domains add their own entities by declaration
 * merging, beside the resolver they register.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the domains
export interface Subjects {}

/** Finds the entity of a path or throws its 404; it does not decide about access. */
export type Resolver<K extends keyof Subjects> = (
  context: Context,
  params: Record<string, string>,
) => Promise<Found<Subjects[K]>>;

export type Resolvers = { [K in keyof Subjects]?: Resolver<K> };
