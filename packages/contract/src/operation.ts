import type { Static, TSchema } from 'typebox';
import type { Scope } from './enums.ts';
import type { BodyRules } from './validation.ts';

/**
 * Who may call an operation (chapter 1.2). The suffix says how a foreign entity answers: `-403` as forbidden, `-404` as
 * if it did not exist. `account-admin` and the memberships of chapter 6 belong to the platform's operations.
 */
export type Access =
  | 'public'
  | 'signed-in'
  | 'integrator'
  | 'read-403'
  | 'read-404'
  | 'write-403'
  | 'write-404'
  | 'account-admin'
  | 'admin';

/** The entity an operation's path addresses; it is looked up, and access to it decided, before the body is read. */
export type Subject =
  | 'connector'
  | 'binned-connector'
  | 'any-connector'
  | 'version'
  | 'bucket'
  | 'state'
  | 'build'
  | 'run'
  | 'organization'
  | 'user'
  | 'invitation'
  | 'secret'
  | 'authentication'
  | 'webhook'
  | 'account'
  | 'project'
  | 'site'
  | 'channel';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The bodies of success of chapter 1.4. */
export type Success =
  | { envelope: 'single'; status?: 200 | 201; message: string; resource: string; data: TSchema }
  | { envelope: 'list'; resource: string; data: TSchema; limit?: number; streams?: readonly StreamType[] }
  | { envelope: 'message'; status?: 200 | 201 | 202; message: string }
  | { envelope: 'bare'; status?: 200 | 201 | 202; message: string; data: TSchema }
  | { envelope: 'background'; message: string }
  | { envelope: 'empty' }
  /** A stored file as an attachment, `application/octet-stream`. */
  | { envelope: 'file' }
  | { envelope: 'raw'; contentType: string };

export type StreamType = 'application/x-ndjson' | 'text/event-stream' | 'text/csv';

/** A refusal that belongs to this operation: its status and the exact body, for the reference docs. */
export interface Refusal {
  status: 400 | 404 | 409;
  body: { message: string; errors?: Record<string, string> | [] };
}

/**
 * One operation of the API: everything about it that a client can see. Routes, the permission check, the OpenAPI
 * document, the client and the reference are made from these declarations; `access` and `scope` have no default, so an
 * operation without a declared permission does not compile.
 */
export interface Operation {
  /** As in the contract; also the `action` of its audit event. */
  id: string;
  method: Method;
  /** With its parameters in braces. */
  path: string;
  chapter: string;
  tag: 'documented' | 'ours';
  summary: string;
  access: Access;
  scope: Scope | null;
  /** The path parameter by which every user may address themselves, whatever their role and scope. */
  oneself?: string;
  /** A token with this scope instead may come as far as the verb, which then decides by what is addressed. */
  otherScope?: Scope;
  /** Whoever has SLIPWAY_METRICS_TOKEN may call it too, and anybody on the machine while that is not set. */
  metricsToken?: true;
  subject?: Subject;
  /** Rules of path values that chapter 1.8 does not have, by parameter. */
  patterns?: Record<string, RegExp>;
  /** What a path value that breaks its pattern is told, where it is not the usual text. */
  patternTexts?: Record<string, string>;
  /** What is not found when a path value has the wrong form: addresses that browsers call answer no field errors. */
  malformedPath?: string;
  /** Query parameters as the reference shows them; lists add `from`, `limit` and `after` by themselves. */
  query?: Record<string, QueryParameter>;
  /** Absent: no body, or `{}`. */
  body?: TSchema;
  /** Rules of the body's fields that no schema can say. */
  rules?: BodyRules;
  /** The verb checks the body by itself, since the rules depend on what is stored. */
  looseBody?: true;
  /** The body is `multipart/form-data`; the verb reads its first file, of at most this many bytes. */
  upload?: { maxBytes: number };
  success: Success;
  /** A configuration change (⚙ in the contract): it moves the version's state. */
  configuration?: true;
  refusals?: readonly Refusal[];
}

/** One query parameter. `check` of a choice or pattern is done before the verb runs. */
export interface QueryParameter {
  description?: string;
  kind: 'text' | 'choice' | 'choices' | 'uuid' | 'uuids' | 'boolean' | 'integer' | 'time' | 'pattern';
  values?: readonly string[];
  pattern?: RegExp;
  /** Answered as a sentence with an empty `errors` list instead of a text at the field. */
  sentence?: string;
  /** Replaces the text of the kind. */
  text?: string;
}

export const operation = <const O extends Operation>(declaration: O): O => declaration;

/** The body a verb receives. */
export type BodyOf<O extends Operation> = O['body'] extends TSchema
  ? Static<O['body']>
  : Record<string, never>;

/** What stands under `data` in a successful answer; of a list, one item of it. */
export type DataOf<O extends Operation> = O['success'] extends { data: infer D extends TSchema }
  ? Static<D>
  : never;

type ParameterNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;

/** The path parameters a verb receives, checked by the rules of chapter 1.8. */
export type ParametersOf<O extends Operation> = Record<ParameterNames<O['path']>, string>;

/** The query parameters a verb receives; absent ones are undefined. */
export type QueryOf<O extends Operation> = {
  [K in keyof O['query']]?: O['query'][K] extends { kind: 'uuids' | 'choices' }
    ? string[]
    : O['query'][K] extends { kind: 'boolean' }
      ? boolean
      : O['query'][K] extends { kind: 'integer' }
        ? number
        : string;
};
